import KingletErrors

/// Where the layers of a cache take their pages from: slabs that the operating system maps in huge pages.
///
/// A page of a layer is a few hundred kilobytes, in pages of 4 kB: reading it, the processor translates an address for
/// every 4 kB and stops fetching ahead as often, which took half the time of attention at a depth of 4,096.
///
/// Memory of a slab that was never handed out is never touched, and so costs nothing; what was is kept until the last layer
/// goes. Not `Sendable`: it belongs to one sequence.
public final class KVPageStore {
  private static let slabByteCount = 32 << 20

  private var slabs: [Memory] = []
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
    let slab = try Memory(byteCount: max(padded, Self.slabByteCount))
    slabs.append(slab)
    used = padded
    return slab.base
  }
}
