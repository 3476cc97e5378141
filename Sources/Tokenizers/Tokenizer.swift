// Tokenizers: text to tokens and back. It reads the vocabulary out of a GGUF file and knows nothing of the model that
// the file also holds. A vocabulary becomes flat arrays and hash tables over them, never an object per token, so that
// one of 262,144 tokens is loaded in a few hundredths of a second.

import KingletErrors
import KingletGGUF

/// A vocabulary and the way it is used to write text.
///
/// Immutable, so it may be used from any number of threads.
public final class Tokenizer: Sendable {
  /// The number of tokens.
  public var vocabularySize: Int { vocabulary.count }
  /// The tokens that steer the model.
  public let special: SpecialTokens

  private let vocabulary: Vocabulary
  private let matcher: SpecialTokenMatcher
  private let model: any TextModel

  init(vocabulary: Vocabulary, model: any TextModel, matcher: SpecialTokenMatcher, special: SpecialTokens) {
    self.vocabulary = vocabulary
    self.model = model
    self.matcher = matcher
    self.special = special
  }

  /// The tokens of a text.
  ///
  /// - Parameters:
  ///   - addSpecial: put BOS before and EOS (in BERT: the separator) after, as the file asks.
  ///   - parseSpecial: let the spelling of a control token ("<|im_end|>") become that token. Right for text that a
  ///     chat template made, wrong for text that a stranger wrote. User-defined tokens are found in either case.
  public func encode(_ text: String, addSpecial: Bool = true, parseSpecial: Bool = false) -> [Int32] {
    let text = model.prepare(Array(text.utf8))
    var ids: [Int32] = []
    if addSpecial, special.addsBOS, let bos = special.bos { ids.append(bos) }
    var position = 0
    while let found = matcher.next(in: text, from: position, includingControl: parseSpecial) {
      if position < found.range.lowerBound { model.encode(text, position..<found.range.lowerBound, into: &ids) }
      ids.append(found.id)
      position = found.range.upperBound
    }
    if position < text.count { model.encode(text, position..<text.count, into: &ids) }
    if addSpecial, let ending = special.ending { ids.append(ending) }
    return ids
  }

  /// The tokens of two texts that a model judges together, such as a question and a passage, and where those of the
  /// second start.
  public func encode(_ first: String, with second: String) -> (ids: [Int32], secondStart: Int) {
    var ids = encode(first)
    if special.addsSeparator, special.addsEOS, let separator = special.separator { ids.append(separator) }
    let start = ids.count
    ids += encode(second, addSpecial: false)
    if let ending = special.ending { ids.append(ending) }
    return (ids, start)
  }

  /// The text of tokens. Where the vocabulary puts a space before every text, one that the very first token starts with
  /// is taken away again.
  ///
  /// Bytes that are not UTF-8 become U+FFFD, as do numbers that are no token.
  /// - Parameter skipSpecial: leave control tokens out instead of spelling them.
  public func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool = true) -> String {
    var text: [UInt8] = []
    var isFirst = true
    for id in ids {
      if !skipSpecial || !isSpecial(id) { text += bytes(of: id) }
      if isFirst, model.addsSpacePrefix, !isSpecial(id), text.first == UInt8(ascii: " ") { text.removeFirst() }
      isFirst = false
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that a token stands for: its spelling, for a control token. They need not be whole characters. For a
  /// number that is no token, U+FFFD.
  public func bytes(of id: Int32) -> [UInt8] {
    guard let range = vocabulary.range(of: id) else { return [0xEF, 0xBF, 0xBD] }
    let text = vocabulary.bytes[range]
    return kind(of: id) == .normal ? model.bytes(ofNormal: text) : Array(text)
  }

  /// The bytes of a token as text, for people to read.
  public func text(of id: Int32) -> String { String(decoding: bytes(of: id), as: UTF8.self) }

  /// What a token stands for, or nil for a number that is no token.
  public func kind(of id: Int32) -> TokenKind? { vocabulary.kind(of: id) }

  /// Whether a token is not text: control and unknown tokens.
  public func isSpecial(_ id: Int32) -> Bool {
    switch kind(of: id) {
    case .control, .unknown: true
    default: false
    }
  }

  /// The control, unknown or user-defined token that is spelled exactly so.
  public func specialToken(_ text: String) -> Int32? { matcher.id(of: text.utf8) }
}
