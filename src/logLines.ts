import { Logger } from "effect"

/**
 * Writes what a logger formats, a line each, to one of the process's streams. Lines of the same moment share a write, which
 * costs as much as formatting many of them; a process that ends writes its last ones.
 */
export const logLines = <Message>(
  stream: NodeJS.WritableStream,
  format: Logger.Logger<Message, string>
): Logger.Logger<Message, void> => {
  let waiting = ""
  const write = () => {
    const lines = waiting
    waiting = ""
    if (lines !== "") stream.write(lines)
  }
  process.on("exit", write)
  return Logger.map(format, (line) => {
    if (waiting === "") setImmediate(write)
    waiting += `${line}\n`
  })
}
