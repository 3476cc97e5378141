/// A way to write plain text in tokens: one kind of `tokenizer.ggml.model`.
protocol TextModel: AnyObject, Sendable {
  /// Whether every text starts with a space that is not part of it.
  var addsSpacePrefix: Bool { get }

  /// Rewrites a whole text before special tokens are looked for in it.
  func prepare(_ text: [UInt8]) -> [UInt8]

  /// Appends the tokens of `text[range]`, which holds no special token and is not empty.
  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32])

  /// The bytes that the text of a token of kind `normal` stands for.
  func bytes(ofNormal text: ArraySlice<UInt8>) -> [UInt8]
}
