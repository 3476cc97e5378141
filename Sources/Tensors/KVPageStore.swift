import KingletErrors

/// Where the layers of a cache take their pages from: slabs that the operating system maps in huge pages.
///
/// A page of a layer is a few hundred kilobytes, in pages of 4 kB: reading it, the processor translates an address for
/// every 4 kB and stops fetching ahead as often, which took half the time of attention at a depth of 4,096.
///
/// Slabs grow with what is held: a huge page is memory from end to end, which for a short sequence would be more than its
/// keys and values. They are kept until the last layer goes. Not `Sendable`: it belongs to one sequence.
public final class KVPageStore {
  private static let slabByteCounts = (least: 2 << 20, most: 32 << 20)

  private var slabs: [Memory] = []
  private var heldByteCount = 0
  /// Bytes of the last slab that have been handed out.
  private var used = 0

  public init() {}

  /// Memory for a page, at the beginning of a cache line.
  func take(_ byteCount: Int) throws(KingletError) -> UnsafeMutableRawPointer {
    guard let padded = Arena.padded(byteCount) else {
      throw KingletError(.outOfMemory, "a page of \(byteCount) bytes does not fit the address space")
    }
    if let slab = slabs.last, padded <= slab.byteCount - used {
      defer { used += padded }
      return slab.base + used
    }
    let grown = min(max(heldByteCount, Self.slabByteCounts.least), Self.slabByteCounts.most)
    let slab = try Memory(byteCount: max(padded, grown))
    slabs.append(slab)
    heldByteCount += slab.byteCount
    used = padded
    return slab.base
  }
}
