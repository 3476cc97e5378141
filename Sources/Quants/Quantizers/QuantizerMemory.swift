/// The working memory for the blocks of a row.
struct QuantizerMemory {
  /// Groups under search, 32 values each at most.
  let groups: GroupLanes
  /// The integers that a block's values become, at most 256, before they are packed.
  let quants: UnsafeMutablePointer<UInt8>
  /// The scales, minimums and sums of weights of at most 16 groups.
  let scales: UnsafeMutablePointer<Float>
  let minimums: UnsafeMutablePointer<Float>
  let weightSums: UnsafeMutablePointer<Float>

  /// Calls `body` with memory for the time of the call. What it holds at first is undefined.
  static func with(_ body: (QuantizerMemory) -> Void) {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 3 * 32 + 8 + 3 * 2) { memory in
      guard let base = memory.baseAddress else { return }
      let quants = UnsafeMutableRawPointer(base + 96).assumingMemoryBound(to: UInt8.self)
      let floats = UnsafeMutableRawPointer(base + 104).assumingMemoryBound(to: Float.self)
      body(
        QuantizerMemory(
          groups: GroupLanes(values: base, weights: base + 32, quants: base + 64), quants: quants, scales: floats,
          minimums: floats + 16, weightSums: floats + 32))
    }
  }
}
