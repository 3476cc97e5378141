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
  func key(_ slot: Int) -> [Float] { layout.type.rounded(raw(slot)) }
  func value(_ slot: Int) -> [Float] { layout.type.rounded(raw(KVPageLayout.positions + slot)) }

  /// What the page holds, `[256 positions][dimensions]`, padding included.
  var storedKeys: [[Float]] {
    let size = layout.headSize
    return switch layout.type {
    case .f16: rows(size) { half($0 / 16 * size * 16 + $1 * 16 + $0 % 16, at: 0) }
    case .f32: rows(size) { float($0 / 16 * size * 16 + $1 * 16 + $0 % 16, at: 0) }
    case .q8_0:
      rows(groups * 32) { slot, d in
        let (block, lane) = (slot / 16 * groups, slot % 16)
        return byte(block * 512 + d / 2 * 32 + lane * 2 + d % 2, at: 0)
          * half((block + d / 32) * 16 + lane, at: 256 * groups * 32)
      }
    }
  }

  var storedValues: [[Float]] {
    let keys = 256 * layout.headSize
    let stride = (layout.headSize + 15) / 16 * 16
    return switch layout.type {
    case .f16: rows(stride) { half($0 * stride + $1, at: 2 * keys) }
    case .f32: rows(stride) { float($0 * stride + $1, at: 4 * keys) }
    case .q8_0:
      rows(groups * 32) { slot, d in
        byte(slot / 2 * groups * 64 + d * 2 + slot % 2, at: 256 * groups * 34)
          * half(d / 32 * 256 + slot, at: 256 * groups * 66)
      }
    }
  }

  private var groups: Int { (layout.headSize + 31) / 32 }

  private func rows(_ count: Int, _ element: (_ slot: Int, _ dimension: Int) -> Float) -> [[Float]] {
    (0..<256).map { slot in (0..<count).map { element(slot, $0) } }
  }
  private func byte(_ index: Int, at offset: Int) -> Float { Float(Int8(bitPattern: memory.values[offset + index])) }
  private func half(_ index: Int, at offset: Int) -> Float { Half(bits: load(offset + 2 * index)).float }
  private func float(_ index: Int, at offset: Int) -> Float { Float(bitPattern: load(offset + 4 * index)) }
  private func load<T: BitwiseCopyable>(_ offset: Int) -> T {
    UnsafeRawPointer(memory.pointer).loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  /// - Parameters:
  ///   - seen: for each query the slots it sees.
  ///   - biases: for each query the slope of its linear bias and the slot it stands at.
  func attend(
    _ queries: [Float], _ seen: [Range<Int>], biases: [(slope: Float, slot: Int)]? = nil, _ table: KernelTable
  ) -> [PageResult] {
    let slopes = Fenced(biases?.map(\.slope) ?? [])
    let slots = Fenced(biases?.map { Int32($0.slot) } ?? [])
    let stride = PageAttention.resultStride(layout)
    let lower = Fenced(seen.map { Int32($0.lowerBound) })
    let upper = Fenced(seen.map { Int32($0.upperBound) })
    let fencedQueries = Fenced(queries)
    // Rubbish from earlier tasks must not matter.
    let scores = Fenced(repeating: Float.nan, count: seen.count * KVPageLayout.positions)
    let workspace = UnsafeMutableRawPointer.allocate(
      byteCount: PageAttention.workspaceByteCount(layout), alignment: 64)
    defer { workspace.deallocate() }
    workspace.initializeMemory(as: UInt8.self, repeating: 0xFF, count: PageAttention.workspaceByteCount(layout))
    let out = Fenced(repeating: Float.nan, count: seen.count * stride)
    table.attendPage(
      PageAttention(
        layout: layout, page: UnsafeRawPointer(memory.pointer), queries: fencedQueries.pointer,
        queryCount: seen.count, lower: lower.pointer, upper: upper.pointer,
        bias: biases == nil ? nil : LinearBias(slopes: slopes.pointer, slots: slots.pointer), scores: scores.pointer,
        workspace: workspace, out: out.pointer))
    let values = out.values
    return seen.indices.map { PageResult(Array(values[$0 * stride..<($0 + 1) * stride]), layout) }
  }
}

extension KVElement {
  /// What becomes of a row of numbers when it is stored.
  func rounded(_ row: [Float]) -> [Float] {
    switch self {
    case .f32: return row
    case .f16: return row.map { Half($0).float }
    case .q8_0:
      return stride(from: 0, to: row.count, by: 32).flatMap { first in
        let group = row[first..<min(first + 32, row.count)]
        let scale = Half((group.map(abs).max() ?? 0) / 127).float
        return group.map { scale > 0 ? min(max(($0 / scale).rounded(.toNearestOrEven), -127), 127) * scale : 0 }
      }
    }
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
  func problem(_ expected: Softmax, _ layout: KVPageLayout) -> String? {
    let headSize = layout.headSize
    if expected.weightSum == 0 {
      return sum == 0 && maximum == -.infinity && output.allSatisfy { $0 == 0 } ? nil : "not empty"
    }
    // Rounding errors of scores grow with their size, and exponentials multiply by them. Over Q8_0 a table may round
    // queries and weights to 16 bits.
    let tolerance = (layout.type == .q8_0 ? 5e-5 : 2e-6) * (1 + expected.scoreSize)
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

  /// - Parameter bias: what is added to the score of a slot.
  init(
    query: ArraySlice<Float>, pages: [Page], seen: [Range<Int>], bias: (_ slot: Int) -> Double = { _ in 0 }
  ) {
    output = Array(repeating: 0, count: query.count)
    let places = zip(pages, seen).flatMap { page, slots in slots.map { (page, $0) } }
    let scores = places.map { page, slot in
      var (score, size) = (bias(slot), abs(bias(slot)))
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
