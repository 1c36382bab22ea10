/** Where Jarvis is installed: the directory of sql/ and dist/, seen from src and from dist alike. */
export const root = new URL("../", import.meta.url)
