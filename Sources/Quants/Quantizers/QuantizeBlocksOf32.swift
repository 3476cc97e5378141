// The methods that Q4_0, Q4_1, Q5_0 and Q5_1 share: blocks of 32 values with a scale, and a minimum or none.

/// Quantises blocks whose values are scale * (q - zero), q in 0 ..< 2 zero.
///
/// Without importance the value of largest magnitude becomes q = 0, the end of the range that reaches farther.
@inline(__always)
func quantizeSymmetric(
  row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, zero: Float, memory: QuantizerMemory,
  _ write: (_ block: Int, _ scale: Float, _ quants: UnsafePointer<UInt8>) -> Void
) {
  guard let importance else {
    for block in 0..<count / 32 {
      let values = row + block * 32
      let scale = extreme(values, count: 32) / -zero
      let inverse = reciprocal(scale)
      for i in stride(from: 0, to: 32, by: 8) {
        let quants = (values.lanes(at: i) * inverse + (zero + 0.5)).roundedDown
        quants.replacing(with: 2 * zero - 1, where: quants .> 2 * zero - 1).storeBytes(to: memory.quants + i)
      }
      write(block, scale, memory.quants)
    }
    return
  }
  forEightBlocks(row: row, count: count, importance: importance, memory: memory) { block in
    let scales = memory.groups.searchScale(top: zero, count: 32)
    memory.groups.storeQuants(count: 32, to: memory.quants)
    for lane in block..<min(block + 8, count / 32) {
      write(lane, scales[lane - block], memory.quants + (lane - block) * 32)
    }
  }
}

/// Quantises blocks whose values are scale * q + minimum, q in 0 ... top.
@inline(__always)
func quantizeWithMinimum(
  row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, top: Float, memory: QuantizerMemory,
  _ write: (_ block: Int, _ scale: Float, _ minimum: Float, _ quants: UnsafePointer<UInt8>) -> Void
) {
  guard let importance else {
    for block in 0..<count / 32 {
      let values = row + block * 32
      let (low, high) = extent(values, count: 32)
      let scale = (high - low) / top
      let inverse = reciprocal(scale)
      for i in stride(from: 0, to: 32, by: 8) {
        let quants = ((values.lanes(at: i) - low) * inverse + 0.5).roundedDown
        quants.replacing(with: top, where: quants .> top).storeBytes(to: memory.quants + i)
      }
      write(block, scale, low, memory.quants)
    }
    return
  }
  forEightBlocks(row: row, count: count, importance: importance, memory: memory) { block in
    let found = memory.groups.searchScaleAndMinimum(
      top: top, from: -0.9, step: 0.05, steps: 36, absolute: false, count: 32)
    memory.groups.storeQuants(count: 32, to: memory.quants)
    for lane in block..<min(block + 8, count / 32) {
      let minimum = -found.minimum[lane - block]
      write(lane, found.scale[lane - block], minimum, memory.quants + (lane - block) * 32)
    }
  }
}

/// Loads blocks into the groups, eight at a time, with the weights that importance gives their values.
@inline(__always)
private func forEightBlocks(
  row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>, memory: QuantizerMemory,
  _ body: (_ firstBlock: Int) -> Void
) {
  let variance = Lanes(repeating: sumOfSquares(row, count: count) / Float(count))
  let blockCount = count / 32
  for block in stride(from: 0, to: blockCount, by: 8) {
    let groups = min(8, blockCount - block)
    memory.groups.load(row + block * 32, groups: groups, count: 32, into: memory.groups.values)
    memory.groups.load(importance + block * 32, groups: groups, count: 32, into: memory.groups.weights)
    memory.groups.weigh(variance: variance, count: 32)
    body(block)
  }
}

/// The smallest and the largest value; `count` is a multiple of 8. NaN counts as nothing.
@inline(__always)
private func extent(_ values: UnsafePointer<Float>, count: Int) -> (low: Float, high: Float) {
  var lows = Lanes(repeating: .greatestFiniteMagnitude)
  var highs = Lanes(repeating: -.greatestFiniteMagnitude)
  for i in stride(from: 0, to: count, by: 8) {
    let lanes = values.lanes(at: i)
    lows = lows.replacing(with: lanes, where: lanes .< lows)
    highs = highs.replacing(with: lanes, where: lanes .> highs)
  }
  let low = (0..<8).reduce(Float.greatestFiniteMagnitude) { lows[$1] < $0 ? lows[$1] : $0 }
  let high = (0..<8).reduce(-Float.greatestFiniteMagnitude) { highs[$1] > $0 ? highs[$1] : $0 }
  // Of zeros with either sign the first one counts, as its sign is stored.
  for i in 0..<count where low == 0 && values[i] == 0 { return (values[i], high == 0 ? values[i] : high) }
  return (low, high)
}

/// The sum of squares, added in order.
@inline(__always)
func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Float {
  var sum: Float = 0
  for i in 0..<count { sum += values[i] * values[i] }
  return sum
}

/// Joins 32 numbers to 16 bytes: the low four bits of number i are the low half of byte i, those of i + 16 the high.
@inline(__always)
func pack(nibbles quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  for i in 0..<16 { bytes[i] = quants[i] & 15 | quants[i &+ 16] &<< 4 }
}

/// Gathers the fifth bits of 32 numbers, number i's as bit i of the little-endian result.
@inline(__always)
private func gatherFifthBits(_ quants: UnsafePointer<UInt8>) -> UInt32 {
  var bits: UInt32 = 0
  for i in 0..<32 { bits |= UInt32(quants[i] &>> 4 & 1) &<< UInt32(truncatingIfNeeded: i) }
  return bits
}

@inline(__always)
func packFifthBits(_ quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  UnsafeMutableRawPointer(bytes).storeBytes(of: gatherFifthBits(quants).littleEndian, as: UInt32.self)
}
