import KingletKernels
import KingletQuants
import KingletTestSupport
import Testing

/// The two kernels of low-rank updates, of every table, against the formulas in double precision.
@Suite("Low-rank kernels") struct LowRankKernelTests {
  private static let ranks = [1, 2, 3, 4, 5, 8, 16, 19, 64]
  private static let columns = [1, 15, 16, 17, 100, 576]
  private static let tokens = [1, 2, 3, 4, 5, 8, 11]

  /// The numbers as they are kept, and their bytes.
  private static func kept(_ values: [Float], _ precision: FactorPrecision) throws -> ([Float], Fenced<UInt8>) {
    let type: QuantType = precision == .half ? .f16 : .f32
    let bytes = try #require(type.bytes(values))
    return (try #require(bytes.withUnsafeBytes { type.floats($0) }), Fenced(bytes))
  }

  @Test("Projections", arguments: InstructionSet.tested, [FactorPrecision.single, .half])
  func projections(set: InstructionSet, precision: FactorPrecision) throws {
    let table = try set.table()
    var random = SeededRandom(1)
    for rank in Self.ranks {
      for columns in Self.columns {
        for tokens in Self.tokens {
          let (stride, outStride) = ((columns + 15) / 16 * 16, rank + 3)
          // Panels of A end in zeros; what is behind a token's columns is anything.
          var a = [Float](repeating: 0, count: (rank + 3) / 4 * LowRankProjection.panelCount(columns: columns))
          func place(_ k: Int, _ c: Int) -> Int {
            k / 4 * LowRankProjection.panelCount(columns: columns) + c / 16 * 64 + k % 4 * 16 + c % 16
          }
          for k in 0..<rank { for c in 0..<columns { a[place(k, c)] = random.floats(1)[0] } }
          let factor: Fenced<UInt8>
          (a, factor) = try Self.kept(a, precision)
          let x = (0..<tokens * stride).map { $0 % stride < columns ? random.floats(1)[0] : Float.nan }
          let input = Fenced(x)
          let out = Fenced(repeating: Float(7), count: tokens * outStride)
          func project(_ first: Int, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
            table.projectLowRank(
              LowRankProjection(
                a: factor.pointer, precision: precision, rank: rank, columns: columns,
                x: input.pointer + first * stride, xStride: stride, tokenCount: count, strength: -0.5, out: out,
                outStride: outStride))
          }
          project(0, tokens, out.pointer)
          let results = out.values
          for token in 0..<tokens {
            for k in 0..<outStride {
              let value = results[token * outStride + k]
              guard k < rank else {
                #expect(value == 7)
                continue
              }
              let terms = (0..<columns).map { Double(a[place(k, $0)]) * Double(x[token * stride + $0]) }
              let size = terms.reduce(0) { $0 + abs($1) }
              #expect(abs(Double(value) + 0.5 * terms.reduce(0, +)) <= 1e-6 * size + 1e-30)
            }
            let alone = Fenced(repeating: Float(7), count: outStride)
            project(token, 1, alone.pointer)
            #expect(alone.values == Array(results[token * outStride..<(token + 1) * outStride]), "alone")
          }
          #expect(out.isIntact)
        }
      }
    }
  }

  @Test("Additions", arguments: InstructionSet.tested, [FactorPrecision.single, .half])
  func additions(set: InstructionSet, precision: FactorPrecision) throws {
    let table = try set.table()
    var random = SeededRandom(2)
    let parts = [(0, 16), (0, 1), (0, 40), (8, 8), (8, 24), (3, 30), (32, 9), (15, 2)]
    for rank in Self.ranks + [0] {
      for (first, rows) in parts {
        for (tokens, scales) in Self.tokens.flatMap({ [($0, false), ($0, true)] }) {
          // Sixteen numbers more may be read.
          let (weights, b) = try Self.kept(random.floats(48 * max(1, rank) + 16), precision)
          let lows = random.floats(tokens * (rank + 1))
          let factorValues = random.floats(rows)
          let (low, factors) = (Fenced(lows), Fenced(factorValues))
          let before = random.floats(tokens * (rows + 2))
          let out = Fenced(before)
          func add(_ token: Int, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
            table.addLowRank(
              LowRankAddition(
                b: b.pointer, precision: precision, rank: rank, firstRow: first, rowCount: rows,
                low: low.pointer + token * (rank + 1), lowStride: rank + 1, tokenCount: count,
                factors: scales ? UnsafePointer(factors.pointer) : nil, out: out, outStride: rows + 2))
          }
          add(0, tokens, out.pointer)
          let results = out.values
          for token in 0..<tokens {
            let range = token * (rows + 2)..<(token + 1) * (rows + 2)
            for i in 0..<rows + 2 {
              let value = results[range.lowerBound + i]
              let old = before[range.lowerBound + i]
              guard i < rows else {
                #expect(value == old)
                continue
              }
              let row = first + i
              var sum = Double(old) * (scales ? Double(factorValues[i]) : 1)
              var size = abs(sum)
              for k in 0..<rank {
                let term =
                  Double(weights[row / 16 * 16 * rank + k * 16 + row % 16])
                  * Double(lows[token * (rank + 1) + k])
                sum += term
                size += abs(term)
              }
              #expect(abs(Double(value) - sum) <= 1e-6 * size + 1e-30)
            }
            let alone = Fenced(Array(before[range]))
            add(token, 1, alone.pointer)
            #expect(alone.values == Array(results[range]), "alone")
          }
          #expect(out.isIntact && b.isIntact && low.isIntact)
        }
      }
    }
  }
}
