import ArgumentParser
import Kinglet

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn text into token ids.",
    discussion: """
      Examples:
        kinglet tokenize --model smollm2 "Hello, world"
        kinglet tokenize --model vocabulary.gguf --special "<|im_start|>user"
        kinglet tokenize --model smollm2 --batch texts.json

      Prints an id and its text on each line; with --json one object with `ids` and `texts`. --batch takes a file (or -) \
      with a JSON array of strings and prints a JSON array of arrays of ids. A file that holds only a vocabulary will do.
      """)

  @OptionGroup var model: ModelArgument

  @Flag(help: "Recognise control tokens in the text.")
  var special = false

  @Flag(help: "Add the tokens that begin and end a sequence, as the model asks.")
  var addSpecial = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("A JSON file with an array of strings.", valueName: "file"))
  var batch: String?

  @Argument(help: "The text; - reads it from standard input.")
  var text: String?

  func validate() throws {
    if (text == nil) == (batch == nil) { throw ValidationError("Give either a text or --batch FILE.") }
  }

  private struct Report: Encodable {
    let ids: [Int32]
    let texts: [String]
  }

  func run() throws {
    let tokenizer = try Tokenizer.load(from: model.open())
    func encode(_ text: String) -> [Int32] {
      tokenizer.encode(text, addSpecial: addSpecial, parseSpecial: special)
    }
    if let batch {
      let texts = try decodeJSON(
        [String].self, from: readBytes(batch), named: batch, expecting: "a JSON array of strings")
      return try printJSON(texts.map(encode), pretty: false)
    }
    let text = text ?? ""
    let ids = encode(text == "-" ? try readText("-") : text)
    if json { return try printJSON(Report(ids: ids, texts: ids.map { tokenizer.text(of: $0) }), pretty: false) }
    try standardOutput(ids.map { "\($0)\t\(tokenizer.text(of: $0).debugDescription)\n" }.joined())
  }
}
