import Kinglet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Prints a value as JSON on standard output, keys in snake case and in alphabetical order.
func printJSON(_ value: some Encodable, pretty: Bool = true) throws {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting =
    pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
  // A model whose numbers have overflowed is still to be reported.
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
  try standardOutput(String(decoding: encoder.encode(value), as: UTF8.self) + "\n")
}

/// Decodes JSON that a user has written.
func decodeJSON<T: Decodable>(_: T.Type, from bytes: [UInt8], named name: String, expecting: String) throws -> T {
  do {
    return try JSONDecoder().decode(T.self, from: Data(bytes))
  } catch {
    throw KingletError(.invalidArgument, "is not \(expecting)", at: name)
  }
}
