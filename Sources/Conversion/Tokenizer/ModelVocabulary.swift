import KingletErrors
import KingletFiles

/// The tokens and merges of a `tokenizer.json`.
///
/// They are not decoded with the rest of the file: a decoder keeps the members of an object under `String` keys, and Swift's
/// strings are equal when they are canonically equivalent, so of two tokens that differ only in their normalisation one
/// would be lost.
struct ModelVocabulary {
  /// Each token with its number, in the order of the file, and for Unigram its score.
  private(set) var tokens: [(text: String, id: Int, score: Float)] = []
  /// Two tokens that merge, the first merge first.
  private(set) var merges: [(left: [UInt8], right: [UInt8])] = []

  private let path: String

  /// Reads `model.vocab` and `model.merges` from the text of a file.
  init(_ json: [UInt8], path: String) throws(KingletError) {
    self.path = path
    let model: JSONValue?
    do throws(KingletError) { model = try JSONValue(String(decoding: json, as: UTF8.self))["model"] } catch {
      throw error.located(in: path)
    }
    switch model?["vocab"] {
    case .object(let members): try readNumberedTokens(members)
    case .array(let elements): try readScoredTokens(elements)
    default: throw corrupt("model.vocab is neither an object nor an array")
    }
    switch model?["merges"] {
    case nil, .null: break
    case .array(let elements): for element in elements { merges.append(try merge(element)) }
    default: throw corrupt("model.merges is not an array")
    }
  }

  /// `{"a": 0, "b": 1}`
  private mutating func readNumberedTokens(_ members: [JSONValue.Member]) throws(KingletError) {
    tokens.reserveCapacity(members.count)
    for member in members {
      guard let id = member.value.integer else {
        throw corrupt("the number of token \(member.key.debugDescription) is not an integer")
      }
      tokens.append((member.key, id, 0))
    }
  }

  /// `[["a", -1.5], ["b", -2]]`
  private mutating func readScoredTokens(_ elements: [JSONValue]) throws(KingletError) {
    tokens.reserveCapacity(elements.count)
    for element in elements {
      guard let pair = element.array, pair.count == 2, let text = pair[0].string, let score = pair[1].number else {
        throw corrupt("token \(tokens.count) is not a text with its score")
      }
      tokens.append((text, tokens.count, Float(score)))
    }
  }

  /// `"a b"`, or as it is written since tokens may hold spaces, `["a", "b"]`.
  private func merge(_ element: JSONValue) throws(KingletError) -> (left: [UInt8], right: [UInt8]) {
    if let pair = element.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string {
      return (Array(left.utf8), Array(right.utf8))
    }
    let text = Array((element.string ?? "").utf8)
    guard let space = text.dropFirst().firstIndex(of: UInt8(ascii: " ")), space + 1 < text.count else {
      throw corrupt("merge \(merges.count) is not of two tokens")
    }
    return (Array(text[..<space]), Array(text[(space + 1)...]))
  }

  private func corrupt(_ message: String) -> KingletError {
    KingletError(.fileCorrupt, message, at: path, remedy: "Download the file again")
  }
}
