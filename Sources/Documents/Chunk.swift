/// A passage of a document: what is embedded, found and quoted.
public struct Chunk: Sendable, Equatable {
  /// Bytes of the document's text.
  public var range: Range<Int>
  /// The bytes at `range`, exactly.
  public var text: String
  /// Lines of the document's text, from 1.
  public var lines: ClosedRange<Int>
  /// Pages of a PDF.
  public var pages: ClosedRange<Int>?
  /// The headings above it, the outermost first.
  public var heading: [String]
  public var place: Place
  /// Tokens of the embedding model, about: those of its sentences, counted one by one.
  public var tokenCount: Int

  public init(
    range: Range<Int>, text: String, lines: ClosedRange<Int>, pages: ClosedRange<Int>? = nil, heading: [String],
    place: Place, tokenCount: Int
  ) {
    self.range = range
    self.text = text
    self.lines = lines
    self.pages = pages
    self.heading = heading
    self.place = place
    self.tokenCount = tokenCount
  }
}
