import { assert, it } from "@effect/vitest"
import { parse } from "./exposition.ts"

const good = `# HELP a_total What is "counted", with a \\\\ and a \\n in it
# TYPE a_total counter
a_total{x="a \\"b\\" \\\\ \\n c",y=""} 1
a_total 2e+21
# TYPE b gauge
b{x="1"} -1.5
b NaN
# TYPE c_seconds histogram
c_seconds_bucket{le="0.5"} 1
c_seconds_bucket{le="+Inf"} 3
c_seconds_sum 7.25
c_seconds_count 3
`

it("a text of the format is read", () => {
  const families = parse(good)
  assert.deepStrictEqual([...families.keys()], ["a_total", "b", "c_seconds"])
  assert.deepStrictEqual(families.get("a_total")?.samples[0]?.labels, { x: 'a "b" \\ \n c', y: "" })
  assert.strictEqual(families.get("b")?.samples[0]?.value, -1.5)
})

it.each([
  ["a line that is cut", good.slice(0, -1)],
  ["an empty line", good.replace("b NaN\n", "b NaN\n\n")],
  ["a name that is none", good.replace('b{x="1"}', 'b-c{x="1"}')],
  ["a quote that is not escaped", good.replace('\\"b\\"', '"b"')],
  ["a label twice", good.replace('y=""', 'x=""')],
  ["a series twice", good.replace("a_total 2e+21", 'a_total{y="",x="a \\"b\\" \\\\ \\n c"} 1')],
  ["a family twice", `${good}# TYPE b gauge\nb{x="2"} 1\n`],
  ["HELP twice", good.replace("# TYPE a_total", "# HELP a_total Again\n# TYPE a_total")],
  ["a sample of another family", good.replace("b NaN", "a_total NaN")],
  ["a type that is none", good.replace("b gauge", "b frequency")],
  ["a counter without _total", good.replaceAll("a_total", "a")],
  ["a gauge with it", good.replaceAll(/\bb\b(?!\\)/g, "b_total")],
  ["a histogram without a sum", good.replace("c_seconds_sum 7.25\n", "")],
  ["one whose counts fall", good.replace("c_seconds_count 3", "c_seconds_count 2")],
  ["one without a last bucket", good.replace('c_seconds_bucket{le="+Inf"} 3\n', "")],
  ["no number", good.replace("-1.5", "1,5")]
])("what is not of the format is not: %s", (_, text) => {
  assert.notStrictEqual(text, good)
  assert.throws(() => parse(text))
})
