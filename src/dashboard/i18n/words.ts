/** Ways of saying numbers that a language's dictionary is made of. */

export type Language = "en" | "ru"

type Forms<Form extends Intl.LDMLPluralRule> = { readonly [F in Form | "other"]: string }

/** `3 rows`: the number and the noun in the form that goes with it. */
export const plurals = <Form extends Intl.LDMLPluralRule>(language: Language) => {
  const rules = new Intl.PluralRules(language)
  const number = new Intl.NumberFormat(language)
  return (count: number, forms: Forms<Form>): string => {
    const known: { readonly [form: string]: string } = forms
    return `${number.format(count)} ${known[rules.select(count)] ?? forms.other}`
  }
}
