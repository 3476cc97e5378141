/// Eight groups of values side by side: vector i holds value i of every group.
struct GroupLanes {
  let values: UnsafeMutablePointer<Lanes>
  /// How much an error of each value counts.
  let weights: UnsafeMutablePointer<Lanes>
  /// The integers that a search has found for the values.
  let quants: UnsafeMutablePointer<Lanes>

  /// Reads `groups` groups of `count` consecutive values; other lanes are zero.
  @inline(__always)
  func load(_ source: UnsafePointer<Float>, groups: Int = 8, count: Int, into lanes: UnsafeMutablePointer<Lanes>) {
    if groups == 8 {
      for i in 0..<count {
        let s = source + i
        lanes[i] = Lanes(
          s[0], s[count], s[2 &* count], s[3 &* count], s[4 &* count], s[5 &* count], s[6 &* count], s[7 &* count])
      }
    } else {
      for i in 0..<count {
        var vector = Lanes.zero
        for group in 0..<groups { vector[group] = source[group &* count &+ i] }
        lanes[i] = vector
      }
    }
  }

  /// Writes the integers of all groups, group after group.
  @inline(__always)
  func storeQuants(count: Int, to bytes: UnsafeMutablePointer<UInt8>) {
    for i in 0..<count { quants[i].storeBytes(to: bytes + i, stride: count) }
  }
}
