import KingletTestSupport
import Testing

@testable import KingletKernels

/// The rounding of activations to int8.
@Suite("Activation rounding") struct ActivationTests {
  /// 16 columns each, to be rounded with a scale of their own.
  private static let adversarial: [[Float]] = {
    let largest = Float.greatestFiniteMagnitude
    let ramp = (0..<16).map { Float($0) - 7.5 }
    var outlier = [Float](repeating: 1e-3, count: 16)
    outlier[11] = -1000
    // Halves between two steps when the largest is 127: ties go to the even one.
    let ties: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 63.5, 64.5, -126.5, 126.5, 0, 3.5, -3.5, 100.5, 99.5]
    return [
      Array(repeating: 0, count: 16), Array(repeating: -0.0, count: 16), Array(repeating: 3.25, count: 16),
      Array(repeating: -3.25, count: 16), outlier, ties, ramp, ramp.map { $0 * 1e-38 }, ramp.map { $0 * 2e-31 },
      ramp.map { $0 * 1e-29 }, ramp.map { $0 * 1e36 }, (0..<16).map { $0 % 2 == 0 ? largest / 64 : -largest / 64 },
      (0..<16).map { $0 < 8 ? 1 : -1 }, (0..<16).map { $0 == 15 ? 127 : -127 },
    ]
  }()

  private static func input(tokens: Int, columns: Int) -> [Float] {
    var random = SeededRandom(11)
    var x = random.floats(tokens * columns)
    for (i, block) in adversarial.enumerated() where (i + 1) * 16 <= x.count {
      // Not always the same half of a record.
      let at = (i * 5 % (x.count / 16)) * 16
      x.replaceSubrange(at..<at + 16, with: block)
    }
    return x
  }

  @Test("Quants, scales and sums", arguments: InstructionSet.tested, [32, 96, 576])
  func rounding(set: InstructionSet, columns: Int) throws {
    let table = try set.table()
    for tokens in [1, 2, 3, 4, 7, 8, 15, 16, 33] {
      let x = Self.input(tokens: tokens, columns: columns)
      let rounded = RoundedTokens(x, count: tokens, by: table)
      #expect(rounded.memory.isIntact)
      var problems: [String] = []
      for token in 0..<tokens {
        for first in stride(from: 0, to: columns, by: 16) {
          let values = (0..<16).map { x[token * columns + first + $0] }
          let q = (0..<16).map { rounded.q(token, first + $0) }
          let scale = rounded.scale(token, first)
          let largest = values.map(abs).max() ?? 0
          // Eleven bits, rounded up.
          let exact = largest * (1 / 127)
          if scale < exact || scale.bitPattern - exact.bitPattern > 0x1FFF || scale.bitPattern & 0x1FFF != 0 {
            problems.append("scale \(scale) of \(values)")
          }
          if rounded.shift(token, first) != -12_582_912 * scale { problems.append("shift of \(scale)") }
          for (value, q) in zip(values, q) {
            let error = abs(Double(value) - Double(scale) * Double(q))
            if error > max(Double(scale) * 0.50002, 127.1 * Double(ActivationLayout.smallest)) || q == -128 {
              problems.append("\(value) became \(q) x \(scale)")
            }
          }
          let sums = [q[..<8], q[8...]].map { $0.reduce(0) { $0 + Int16($1) } }
          if sums != [rounded.pairSum(token, first), rounded.pairSum(token, first + 8)] {
            problems.append("pair sums of \(q)")
          }
        }
        for first in stride(from: 0, to: columns, by: 32) {
          let terms = (0..<32).map { Double(rounded.q(token, first + $0)) * Double(rounded.scale(token, first + $0)) }
          let size = terms.reduce(0) { $0 + abs($1) }
          if abs(Double(rounded.sum(token, first)) - terms.reduce(0, +)) > 1e-6 * size {
            problems.append("sum of \(terms)")
          }
          if rounded.bothShifts(token, first) != rounded.shift(token, first) + rounded.shift(token, first + 16) {
            problems.append("shifts of \(terms)")
          }
        }
      }
      #expect(problems.isEmpty, "\(tokens) tokens: \(problems.prefix(3))")
    }
  }

  @Test("Ties go to the even quant, the largest value to 127", arguments: InstructionSet.tested)
  func ties(set: InstructionSet) throws {
    let x = Self.adversarial[5] + Self.adversarial[3]
    let rounded = RoundedTokens(x, count: 1, by: try set.table())
    let expected: [Int8] = [127, 0, 2, 2, 0, -2, -2, 64, 64, -126, 126, 0, 4, -4, 100, 100]
    #expect((0..<16).map { rounded.q(0, $0) } == expected)
    #expect((16..<32).allSatisfy { rounded.q(0, $0) == -127 })
  }

  @Test("All tables round to the same bytes", arguments: InstructionSet.tested, [1, 2, 5, 8, 33])
  func agreement(set: InstructionSet, tokens: Int) throws {
    let x = Self.input(tokens: tokens, columns: 576)
    let result = RoundedTokens(x, count: tokens, by: try set.table())
    #expect(result.memory.values == RoundedTokens(x, count: tokens, by: .portable).memory.values)
  }

  @Test("A token is rounded alike in every tile and slot", arguments: InstructionSet.tested)
  func slots(set: InstructionSet) throws {
    let table = try set.table()
    let token = Self.input(tokens: 1, columns: 288)
    let alone = RoundedTokens(token, count: 1, by: table)
    let many = RoundedTokens((0..<15).flatMap { _ in token }, count: 15, by: table)
    for copy in 0..<15 {
      #expect((0..<288).allSatisfy { many.q(copy, $0) == alone.q(0, $0) && many.scale(copy, $0) == alone.scale(0, $0) })
      #expect((0..<36).allSatisfy { many.pairSum(copy, $0 * 8) == alone.pairSum(0, $0 * 8) })
      #expect((0..<9).allSatisfy { many.sum(copy, $0 * 32) == alone.sum(0, $0 * 32) })
      #expect((0..<18).allSatisfy { many.shift(copy, $0 * 16) == alone.shift(0, $0 * 16) })
      #expect((0..<9).allSatisfy { many.bothShifts(copy, $0 * 32) == alone.bothShifts(0, $0 * 32) })
    }
  }

  @Test("Tiles are as wide as the tokens that are left allow, and lie without gaps")
  func tiles() {
    #expect((0..<9).map { ActivationLayout.tileWidth(at: 8, of: 8 + max(1, $0)) } == [1, 1, 2, 2, 4, 4, 4, 4, 8])
    #expect(ActivationLayout.byteCount(columns: 576) == 18 * 64)
    #expect(ActivationLayout.tileOffset(at: 12, columns: 64) == 12 * 128)
  }
}
