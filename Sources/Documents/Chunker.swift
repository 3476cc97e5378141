/// Cuts documents into chunks of at most so many tokens of an embedding model.
///
/// A chunk is a run of whole sentences under one heading; sentences are cut only when one is longer than a chunk, between
/// words if it has any. The next chunk under the same heading begins with the last sentences of the one before. Records
/// (rows of tables, JSON) are a chunk each, whatever their length.
public struct Chunker: Sendable {
  /// Counts up when ranges would differ.
  public static let version = 1

  /// The most tokens of a chunk.
  public let size: Int
  /// The most tokens that a chunk repeats of the one before.
  public let overlap: Int
  private let countTokens: @Sendable (String) -> Int

  /// Bytes for a token, at most: a word of a megabyte may be a single unknown token, and is no passage.
  private static let bytesPerToken = 16

  /// - Parameter countTokens: how many tokens the model makes of a text.
  public init(size: Int, overlap: Int, countTokens: @escaping @Sendable (String) -> Int) {
    self.size = max(1, size)
    self.overlap = max(0, min(overlap, size / 2))
    self.countTokens = countTokens
  }

  /// A sentence or a part of one, with its tokens.
  private struct Unit {
    let range: Range<Int>
    let tokens: Int
    let block: Int
    let isHeading: Bool
  }

  /// The chunks of a document, in ascending order.
  public func chunks(of document: LoadedDocument) -> [Chunk] {
    var run = Run(chunker: self, document: document)
    for (index, block) in document.blocks.enumerated() {
      if block.kind == .record { run.emitRecord(index) } else { run.add(index) }
    }
    run.flush()
    return run.chunks
  }

  /// The work on one document.
  private struct Run {
    let chunker: Chunker
    let document: LoadedDocument
    let bytes: [UInt8]
    let lines: LineIndex
    var chunks: [Chunk] = []
    /// What the chunk in the making consists of.
    private var units: [Unit] = []
    private var tokens = 0
    /// Units at the front that the chunk before has as well.
    private var repeated = 0

    init(chunker: Chunker, document: LoadedDocument) {
      self.chunker = chunker
      self.document = document
      bytes = Array(document.text.utf8)
      lines = LineIndex(document.text)
    }

    mutating func emitRecord(_ index: Int) {
      flush()
      let block = document.blocks[index]
      append(block.range, block.heading, index...index, tokens: chunker.countTokens(text(block.range)))
    }

    mutating func add(_ index: Int) {
      let block = document.blocks[index]
      // Headings stay with what follows them, a heading below them included.
      if let last = units.last, document.blocks[last.block].heading != block.heading,
        !units.allSatisfy(\.isHeading)
      {
        flush()
      }
      for unit in split(block, index) {
        if tokens + unit.tokens > chunker.size, !units.isEmpty { flush(keepingOverlap: true) }
        // The overlap must not push out what is new.
        if tokens + unit.tokens > chunker.size { (units, tokens, repeated) = ([], 0, 0) }
        units.append(unit)
        tokens += unit.tokens
      }
    }

    /// Makes a chunk of what there is.
    mutating func flush(keepingOverlap: Bool = false) {
      defer { if !keepingOverlap { (units, tokens, repeated) = ([], 0, 0) } }
      guard units.count > repeated, let first = units.first, let last = units.last else { return }
      append(
        first.range.lowerBound..<last.range.upperBound, document.blocks[last.block].heading, first.block...last.block,
        tokens: tokens)
      guard keepingOverlap else { return }
      var kept: [Unit] = []
      var keptTokens = 0
      for unit in units.reversed() {
        if unit.isHeading || keptTokens + unit.tokens > chunker.overlap { break }
        kept.append(unit)
        keptTokens += unit.tokens
      }
      (units, tokens, repeated) = (kept.reversed(), keptTokens, kept.count)
    }

    private mutating func append(_ range: Range<Int>, _ heading: [String], _ blocks: ClosedRange<Int>, tokens: Int) {
      let pages = document.blocks[blocks].compactMap(\.place.page)
      var pageRange: ClosedRange<Int>?
      if let first = pages.min(), let last = pages.max() { pageRange = first...last }
      chunks.append(
        Chunk(
          range: range, text: text(range), lines: lines.lines(of: range), pages: pageRange, heading: heading,
          place: document.blocks[blocks.lowerBound].place, tokenCount: tokens))
    }

    /// Tokens of a range, by its bytes if the model makes fewer of it.
    private func tokenCount(_ range: Range<Int>) -> Int {
      max(chunker.countTokens(text(range)), range.count / Chunker.bytesPerToken)
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func split(_ block: Block, _ index: Int) -> [Unit] {
      let sentences: [Range<Int>] =
        switch block.kind {
        case .code: lineRanges(block.range)
        case .heading: [block.range]
        case .prose, .record: Sentences.ranges(in: block.range, of: bytes)
        }
      return sentences.flatMap { pieces($0) }.map {
        Unit(range: $0.range, tokens: $0.tokens, block: index, isHeading: block.kind == .heading)
      }
    }

    private func lineRanges(_ range: Range<Int>) -> [Range<Int>] {
      var result: [Range<Int>] = []
      var start = range.lowerBound
      for index in range where bytes[index] == UInt8(ascii: "\n") {
        if start < index { result.append(start..<index) }
        start = index + 1
      }
      if start < range.upperBound { result.append(start..<range.upperBound) }
      return result
    }

    /// A sentence, or parts of it that fit a chunk.
    private func pieces(_ range: Range<Int>) -> [(range: Range<Int>, tokens: Int)] {
      let most = chunker.size * Chunker.bytesPerToken
      if range.count <= most {
        let tokens = tokenCount(range)
        if tokens <= chunker.size { return [(range, tokens)] }
      }
      // Halves would be counted again and again: pieces of the longest size that can fit are cut off the front.
      var result: [(range: Range<Int>, tokens: Int)] = []
      var start = range.lowerBound
      var guess = min(most, chunker.size * 4)
      while start < range.upperBound {
        var end = cut(start, min(start + guess, range.upperBound), range.upperBound)
        var tokens = tokenCount(start..<end)
        while tokens > chunker.size, end - start > 1 {
          guess = max(1, (end - start) * chunker.size / tokens * 9 / 10)
          let shorter = cut(start, start + guess, range.upperBound)
          if shorter >= end { break }
          end = shorter
          tokens = tokenCount(start..<end)
        }
        result.append((start..<end, tokens))
        start = end
        while start < range.upperBound, isSpace(bytes[start]) { start += 1 }
        // The next piece is probably as dense as this one.
        guess = max(1, min(most, (end - result[result.count - 1].range.lowerBound) * chunker.size / max(1, tokens)))
      }
      return result
    }

    /// The end of a piece near `wanted`: after a word, or else at least after a character; always past `start`.
    private func cut(_ start: Int, _ wanted: Int, _ limit: Int) -> Int {
      if wanted >= limit { return limit }
      var end = wanted
      while end > start + (wanted - start) / 2, !isSpace(bytes[end]) { end -= 1 }
      if isSpace(bytes[end]), end > start {
        while end > start + 1, isSpace(bytes[end - 1]) { end -= 1 }
        return end
      }
      end = wanted
      while end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      if end > start { return end }
      end = start + 1
      while end < limit, bytes[end] & 0xC0 == 0x80 { end += 1 }
      return end
    }
  }
}
