/// Where the keys of a page are read, and so asked for ahead: in four streams, as a processor fetches ahead by itself in
/// each page of 4 kB that it reads.
public struct KeyStreams {
  public let first: UnsafeRawPointer
  /// Whose key that is.
  public let firstSlot: Int
  /// Bytes from one stream to the next.
  public let apart: Int
  /// Blocks of keys of each stream. What is left over is read after them, in one.
  public let blockCount: Int

  /// What queries read that see some slots of a page, from whole pairs of blocks on.
  @inlinable @inline(__always)
  public init(_ page: UnsafeRawPointer, _ layout: KVPageLayout, lower: Int, upper: Int) {
    firstSlot = lower & ~(2 &* KVPageLayout.blockPositions &- 1)
    let keyByteCount = layout.headSize &* layout.elementByteCount
    blockCount = max(0, upper &- firstSlot) / (4 &* KVPageLayout.blockPositions)
    first = page + firstSlot &* keyByteCount
    // Few are one stream in pieces.
    apart = blockCount > 0 ? blockCount &* KVPageLayout.blockPositions &* keyByteCount : Self.aheadByteCount(layout)
  }

  /// How far ahead of its use a key of each stream is asked for; a block of keys at most. With 2 kB, 8 kB are under way:
  /// what memory brings to one of two cores while it computes a softmax. (With 1 kB decode at depth is up to 10 % slower.)
  @inlinable @inline(__always)
  public static func aheadByteCount(_ layout: KVPageLayout) -> Int {
    min(2048, layout.headSize &* KVPageLayout.blockPositions &* layout.elementByteCount)
  }
}
