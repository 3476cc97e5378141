/// The special tokens of a kind of vocabulary where a file does not name them: llama.cpp's, which files rely on.
struct SpecialTokenDefaults {
  var bos: Int32?
  var eos: Int32?
  var unknown: Int32?
  var padding: Int32?
  var separator: Int32?
  var addsBOS = false
  var addsEOS = false
  var addsSeparator = false
  /// Whether a text that is not to end with EOS ends with the separator.
  var endsWithSeparator = false

  /// Those of BERT, by their numbers in its own vocabulary.
  static let wordPiece = Self(
    bos: 101, unknown: 100, padding: 0, separator: 102, addsBOS: true, addsSeparator: true, endsWithSeparator: true)

  /// Those of T5.
  static let unigram = Self(eos: 1, unknown: 2, padding: 0, addsEOS: true)
}
