import Foundation
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Attention of a layer over a sequence, in one call or many.
@Suite("Attention") struct AttendTests {
  static let length = 600

  @Test("Outputs are those of softmax attention in double precision", arguments: Sequence.all, InstructionSet.tested)
  func outputs(_ sequence: Sequence, set: InstructionSet) throws {
    let result = try sequence.run(chunks: [Self.length], set: set)
    for position in [0, 1, 15, 16, 39, 40, 255, 256, 257, 511, 512, 599] {
      let expected = sequence.reference(position)
      let worst = zip(result[position], expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(worst < sequence.tolerance, "position \(position)")
    }
  }

  @Test("Outputs are the same bits however the sequence is cut", arguments: Sequence.all, InstructionSet.tested)
  func chunks(_ sequence: Sequence, set: InstructionSet) throws {
    let whole = try sequence.run(chunks: [Self.length], set: set).flatMap { $0 }
    let cuts: [[Int]] = [
      Array(repeating: 1, count: 600), Array(repeating: 7, count: 86), Array(repeating: 33, count: 19),
      [256, 256, 88], [1, 2, 3, 4, 5, 255, 300, 30], [599, 1], [1, 599],
    ]
    for chunks in cuts {
      for threads in [1, 2] {
        let result = try sequence.run(chunks: chunks, set: set, threads: threads).flatMap { $0 }
        #expect(differing(result, whole) == 0, "chunks of \(chunks.prefix(3)), \(threads) threads")
      }
    }
    let onOneThread = try sequence.run(chunks: [Self.length], set: set, threads: 1).flatMap { $0 }
    #expect(differing(onOneThread, whole) == 0)
  }

  @Test("Outputs are the same bits after positions were taken back", arguments: Sequence.all, InstructionSet.tested)
  func truncation(_ sequence: Sequence, set: InstructionSet) throws {
    let whole = try sequence.run(chunks: [Self.length], set: set)
    let cache = sequence.makeCache()
    // Other keys and values stand where the sequence will be resumed.
    _ = try sequence.run(chunks: [430], set: set, cache: cache)
    _ = try Sequence(sequence, seed: 99).run(chunks: [150], set: set, start: 430, cache: cache)
    let isKept = cache.truncate(to: 430)
    #expect(isKept)
    let rest = try sequence.run(chunks: [1, 100, 69], set: set, start: 430, cache: cache)
    #expect(differing(rest.flatMap { $0 }, whole[430...].flatMap { $0 }) == 0)
  }

  @Test(
    "One token each of several sequences gives the bits of each alone", arguments: Sequence.all, InstructionSet.tested)
  func singles(_ sequence: Sequence, set: InstructionSet) throws {
    let positions = [0, 599, 63, 255, 256, 300, 15]
    let sequences = positions.indices.map { Sequence(sequence, seed: UInt64(70 + $0)) }
    let alone = try zip(sequences, positions).map { try $0.run(chunks: [$1 + 1], set: set)[$1] }
    for threads in [1, 2] {
      let caches = try zip(sequences, positions).map { sequence, position in
        let cache = sequence.makeCache()
        if position > 0 { _ = try sequence.run(chunks: [position], set: set, cache: cache) }
        return cache
      }
      let together = try Sequence.step(sequences, at: positions, caches, set: set, threads: threads)
      for (i, position) in positions.enumerated() {
        #expect(differing(together[i], alone[i]) == 0, "position \(position), \(threads) threads")
      }
    }
  }
}

extension AttendTests {
  /// Queries, keys and values of a sequence, and how they meet.
  struct Sequence: Sendable, CustomTestStringConvertible {
    let shape: AttentionShape
    let rotated: Int
    let window: Int?
    let type: KVElement
    private let q, k, v: [Float]

    /// How far an output may be from the exact one.
    var tolerance: Double {
      switch type {
      case .f32: 1e-5
      case .f16: 3e-3
      case .q8_0: 4e-2
      }
    }

    var testDescription: String {
      let heads = "\(shape.headCount)/\(shape.keyHeadCount) heads of \(shape.headSize)"
      return "\(heads), window \(window.map(String.init) ?? "none"), \(type)"
    }

    static let all: [Sequence] = [
      Sequence(heads: (4, 2), size: 24, rotated: 16, .adjacent, norms: false, window: nil, type: .f32),
      Sequence(heads: (9, 3), size: 64, rotated: 64, .adjacent, norms: false, window: nil, type: .f16),
      Sequence(heads: (14, 2), size: 64, rotated: 64, .halves, norms: false, window: 40, type: .f32),
      Sequence(heads: (4, 1), size: 80, rotated: 40, .halves, norms: true, window: 300, type: .f32),
      Sequence(heads: (2, 2), size: 16, rotated: 16, .adjacent, norms: true, window: 256, type: .f16),
      Sequence(heads: (9, 3), size: 64, rotated: 64, .adjacent, norms: false, window: nil, type: .q8_0),
      Sequence(heads: (4, 1), size: 80, rotated: 80, .halves, norms: true, window: 299, type: .q8_0),
      Sequence(heads: (9, 1), size: 40, rotated: 40, .halves, norms: true, window: 1, type: .f32),
    ]

    private init(
      heads: (Int, Int), size: Int, rotated: Int, _ pairing: RotaryPairing, norms: Bool, window: Int?, type: KVElement
    ) {
      var random = SeededRandom(61)
      func norm() -> Norm? {
        norms ? Norm(.rms, weight: FloatVector(random.floats(size).map { $0 + 1 }), epsilon: 1e-6) : nil
      }
      shape = AttentionShape(
        headCount: heads.0, keyHeadCount: heads.1, headSize: size, pairing: pairing,
        scale: 1 / Float(size).squareRoot(), queryNorm: norm(), keyNorm: norm())
      self.rotated = rotated
      self.window = window
      self.type = type
      q = random.floats(length * heads.0 * size, deviation: 2)
      k = random.floats(length * heads.1 * size)
      v = random.floats(length * heads.1 * size)
    }

    /// The same shape with other numbers.
    init(_ other: Sequence, seed: UInt64) {
      var random = SeededRandom(seed)
      (shape, rotated, window, type) = (other.shape, other.rotated, other.window, other.type)
      q = random.floats(other.q.count)
      k = random.floats(other.k.count)
      v = random.floats(other.v.count)
    }

    func makeCache() -> KVLayer {
      KVLayer(headCount: shape.keyHeadCount, headSize: shape.headSize, type: type, window: window)
    }

    private func makeRotary() -> RotaryTable { RotaryTable(rotated: rotated, base: 10_000, scale: 0.5) }

    /// The outputs of positions from `start` on, a row for each, fed in pieces (the last one cut where positions end).
    func run(
      chunks: [Int], set: InstructionSet, threads: Int = 2, start: Int = 0, cache: KVLayer? = nil
    ) throws -> [[Float]] {
      let compute = try Compute(options: .init(threads: threads), table: set.table())
      let (cache, rotary) = (cache ?? makeCache(), makeRotary())
      let width = shape.headCount * shape.headSize
      let keyWidth = shape.keyHeadCount * shape.headSize
      let output = FloatMatrix(columns: width)
      var rows: [[Float]] = []
      var done = start
      for chunk in chunks {
        let end = min(length, done + chunk)
        let queries = try FloatMatrix(Array(q[done * width..<end * width]), rows: end - done)
        let keys = try FloatMatrix(Array(k[done * keyWidth..<end * keyWidth]), rows: end - done)
        let values = try FloatMatrix(Array(v[done * keyWidth..<end * keyWidth]), rows: end - done)
        try compute.attend(
          q: queries, k: keys, v: values, shape: shape, rotary: rotary, cache: cache, start: done, to: output)
        for row in 0..<output.rows { rows.append(output.values(row: row)) }
        cache.dropPages(before: end)
        done = end
      }
      return rows
    }

    /// The outputs of one position of each sequence, all of one shape, in one call.
    static func step(
      _ sequences: [Sequence], at positions: [Int], _ caches: [KVLayer], set: InstructionSet, threads: Int
    ) throws -> [[Float]] {
      let first = sequences[0]
      let compute = try Compute(options: .init(threads: threads), table: set.table())
      func rows(_ values: (Sequence) -> [Float], _ heads: Int) throws -> FloatMatrix {
        let width = heads * first.shape.headSize
        let own = zip(sequences, positions).flatMap { values($0)[$1 * width..<($1 + 1) * width] }
        return try FloatMatrix(own, rows: sequences.count)
      }
      let output = FloatMatrix(columns: first.shape.headCount * first.shape.headSize)
      try compute.attend(
        q: rows(\.q, first.shape.headCount), k: rows(\.k, first.shape.keyHeadCount),
        v: rows(\.v, first.shape.keyHeadCount), shape: first.shape, rotary: first.makeRotary(),
        sequences: positions.indices.map { SequenceRows(rows: $0..<$0 + 1, cache: caches[$0], start: positions[$0]) },
        to: output)
      return (0..<output.rows).map { output.values(row: $0) }
    }

    /// The output of one position by the formula.
    func reference(_ position: Int) -> [Double] {
      let size = shape.headSize
      let rotary = makeRotary()
      rotary.reserve(length)
      let seen = max(0, position + 1 - (window ?? length))...position
      return (0..<shape.headCount).flatMap { head -> [Double] in
        let keyHead = head / (shape.headCount / shape.keyHeadCount)
        func vector(_ x: [Float], _ position: Int, _ head: Int, _ heads: Int) -> [Double] {
          let first = (position * heads + head) * size
          return x[first..<first + size].map(Double.init)
        }
        let query = prepared(vector(q, position, head, shape.headCount), shape.queryNorm, position, rotary)
        let scores = seen.map { other in
          let key = prepared(vector(k, other, keyHead, shape.keyHeadCount), shape.keyNorm, other, rotary)
          return zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } * Double(shape.scale)
        }
        let maximum = scores.max() ?? 0
        let weights = scores.map { exp($0 - maximum) }
        let sum = weights.reduce(0, +)
        var output = [Double](repeating: 0, count: size)
        for (other, weight) in zip(seen, weights) {
          for (d, value) in vector(v, other, keyHead, shape.keyHeadCount).enumerated() {
            output[d] += weight / sum * value
          }
        }
        return output
      }
    }

    /// A head normalised and rotated.
    private func prepared(_ x: [Double], _ norm: Norm?, _ position: Int, _ rotary: RotaryTable) -> [Double] {
      var x = x
      if let norm {
        let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + Double(norm.epsilon)).squareRoot()
        x = zip(x, norm.weight.values).map { $0 * scale * Double($1) }
      }
      let half = rotated / 2
      rotary.withPointers { cosines, sines in
        for i in 0..<half {
          let (first, second) = shape.pairing == .adjacent ? (2 * i, 2 * i + 1) : (i, i + half)
          let (c, s) = (Double(cosines[position * half + i]), Double(sines[position * half + i]))
          (x[first], x[second]) = (x[first] * c - x[second] * s, x[first] * s + x[second] * c)
        }
      }
      return x
    }
  }
}
