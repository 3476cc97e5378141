/// How a byte-level vocabulary wants text cut into words before it merges; merges never cross a cut.
///
/// The originals write this as regular expressions. There are few of them and they are built of a handful of forms,
/// so each is described here as a list of `Rule`s, which run over a table of character classes in one pass.
struct PreTokenizer: Sendable {
  /// Cuts made one after the other, each within the pieces of the one before. Of the rules of a stage the first that
  /// matches takes a piece; text where none matches is a piece up to where one does.
  var stages: [[Rule]]
  /// Whether text is brought into normalisation form C first.
  var composes = false
  /// Whether a word that is a token is that token, whatever the merges would make of it.
  var prefersWholeTokens = false
  /// Whether texts start with BOS where the file does not say.
  var addsBOS = false
  /// Whether two texts are separated where the file does not say.
  var addsSeparator = false
  /// Flags of characters that only these rules ask for.
  var moreFlags: (@Sendable (Unicode.Scalar) -> CharacterFlags)?

  /// One alternative of a pattern.
  enum Rule: Sendable {
    /// `after? of{1,upTo} then*`; `after` is one character.
    case run(of: CharacterClass, upTo: Int = .max, after: CharacterClass? = nil, then: CharacterClass? = nil)
    /// `of{count}`
    case block(of: CharacterClass, count: Int)
    /// `'s|'t|'re|'ve|'m|'ll|'d`
    case contraction(ignoringCase: Bool)
    /// `\s*[\r\n]+`
    case lineBreaks
    /// `\s+(?!\S)`: all of a run of whitespace but its last character, which goes to the word after it.
    case whitespaceBeforeLast
    /// `\s+$`: the whitespace that a piece ends with.
    case trailingWhitespace
  }
}
