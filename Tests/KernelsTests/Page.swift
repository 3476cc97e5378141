import Foundation
import KingletKernels
import KingletQuants
import KingletTestSupport

/// A page of keys and values, and attention over it.
struct Page {
  let layout: KVPageLayout
  let memory: Fenced<UInt8>
  let slots: [Int]
  private let numbers: [Float]

  /// A page whose `slots` hold random keys and values.
  init(_ layout: KVPageLayout, of table: KernelTable, seed: UInt64, slots: [Int] = Array(0..<256)) {
    self.layout = layout
    self.slots = slots
    var random = SeededRandom(seed)
    numbers = random.floats(2 * KVPageLayout.positions * layout.headSize)
    memory = Fenced(repeating: 0, count: layout.byteCount)
    for slot in slots { append(raw(slot), raw(KVPageLayout.positions + slot), at: slot, table) }
  }

  func append(_ key: [Float], _ value: [Float], at slot: Int, _ table: KernelTable) {
    let (key, value) = (Fenced(key), Fenced(value))
    table.appendKeyValue(
      KVAppend(layout: layout, page: memory.pointer, slot: slot, key: key.pointer, value: value.pointer))
  }

  private func raw(_ index: Int) -> [Float] { Array(numbers[index * layout.headSize..<(index + 1) * layout.headSize]) }

  /// The key of a slot as the page can hold it.
  func key(_ slot: Int) -> [Float] { raw(slot).map(stored) }
  func value(_ slot: Int) -> [Float] { raw(KVPageLayout.positions + slot).map(stored) }
  private func stored(_ value: Float) -> Float { layout.isHalf ? Half(value).float : value }

  /// All elements, keys first, as floats.
  var stored: [Float] {
    memory.values.withUnsafeBytes { bytes in
      (0..<bytes.count / layout.elementByteCount).map { i in
        layout.isHalf
          ? Half(bits: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)).float
          : bytes.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
      }
    }
  }

  /// - Parameter seen: for each query the slots it sees.
  func attend(_ queries: [Float], _ seen: [Range<Int>], _ table: KernelTable) -> [PageResult] {
    let stride = PageAttention.resultStride(layout)
    let lower = Fenced(seen.map { Int32($0.lowerBound) })
    let upper = Fenced(seen.map { Int32($0.upperBound) })
    let fencedQueries = Fenced(queries)
    // Rubbish from earlier tasks must not matter.
    let scores = Fenced(repeating: Float.nan, count: seen.count * KVPageLayout.positions)
    let out = Fenced(repeating: Float.nan, count: seen.count * stride)
    table.attendPage(
      PageAttention(
        layout: layout, page: UnsafeRawPointer(memory.pointer), queries: fencedQueries.pointer,
        queryCount: seen.count, lower: lower.pointer, upper: upper.pointer, scores: scores.pointer, out: out.pointer))
    let values = out.values
    return seen.indices.map { PageResult(Array(values[$0 * stride..<($0 + 1) * stride]), layout) }
  }
}

/// What attention over a page leaves for one query.
struct PageResult: Equatable {
  let output: [Float]
  let maximum: Float
  let sum: Float

  init(_ values: [Float], _ layout: KVPageLayout) {
    output = Array(values[..<layout.valueStride])
    maximum = values[layout.valueStride]
    sum = values[layout.valueStride + 1]
  }

  /// As the kernels read it.
  var all: [Float] { output + [maximum, sum] }

  /// In what this result differs from the expected one, if it does.
  func problem(_ expected: Softmax, _ headSize: Int) -> String? {
    if expected.weightSum == 0 {
      return sum == 0 && maximum == -.infinity && output.allSatisfy { $0 == 0 } ? nil : "not empty"
    }
    // Rounding errors of scores grow with their size, and exponentials multiply by them.
    let tolerance = 2e-6 * (1 + expected.scoreSize)
    if !(abs(Double(maximum) - expected.maximum) <= tolerance) { return "maximum \(maximum), \(expected.maximum)" }
    let sumRatio = Double(sum) * exp(Double(maximum) - expected.maximum) / expected.weightSum
    if !(abs(sumRatio - 1) <= 2 * tolerance) { return "sum \(sum) instead of \(expected.weightSum)" }
    let difference = largestDifference(output.prefix(headSize).map { $0 / sum }, expected.output)
    if !(difference <= 2 * tolerance * expected.largestValue) { return "output off by \(difference)" }
    return output.dropFirst(headSize).allSatisfy { $0 == 0 } ? nil : "padding that is not zero"
  }
}

/// Softmax attention of one query in double precision.
struct Softmax {
  var maximum = -Double.infinity
  var weightSum = 0.0
  var output: [Double]
  /// The largest sum of |q k|, and the largest |v|.
  var scoreSize = 0.0
  var largestValue = 0.0

  init(query: ArraySlice<Float>, pages: [Page], seen: [Range<Int>]) {
    output = Array(repeating: 0, count: query.count)
    let places = zip(pages, seen).flatMap { page, slots in slots.map { (page, $0) } }
    let scores = places.map { page, slot in
      var (score, size) = (0.0, 0.0)
      for (q, k) in zip(query, page.key(slot)) {
        score += Double(q) * Double(k)
        size += abs(Double(q) * Double(k))
      }
      scoreSize = max(scoreSize, size)
      return score
    }
    maximum = scores.max() ?? maximum
    for (score, (page, slot)) in zip(scores, places) {
      let weight = exp(score - maximum)
      weightSum += weight
      for (d, v) in page.value(slot).enumerated() {
        output[d] += weight * Double(v)
        largestValue = max(largestValue, abs(Double(v)))
      }
    }
    if weightSum > 0 { output = output.map { $0 / weightSum } }
  }
}
