/** A name that only works where it is quoted: no ASCII, a capital, a hyphen. */
export const ownSchema = "Флот-1"
