import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

private let quantizable: [QuantType] = [
  .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS,
]

/// Rows of `columns` values as blocks, row after row, written to an odd address.
private func quantized(
  _ type: QuantType, _ values: [Float], columns: Int, importance: [Float]? = nil
) throws(KingletError) -> [UInt8] {
  let rowByteCount = type.byteCount(forElements: columns) ?? 0
  var bytes = [UInt8](repeating: 0xA5, count: 2 + values.count / columns * rowByteCount)
  var failure: KingletError?
  bytes.withUnsafeMutableBytes { destination in
    values.withUnsafeBufferPointer { source in
      guard let start = destination.baseAddress, let row = source.baseAddress else { return }
      for index in 0..<values.count / columns {
        let (row, start) = (row + index * columns, start + 1 + index * rowByteCount)
        do throws(KingletError) {
          if let importance {
            try importance.withUnsafeBufferPointer { (importance) throws(KingletError) in
              try type.quantize(row, count: columns, importance: importance.baseAddress, into: start)
            }
          } else {
            try type.quantize(row, count: columns, into: start)
          }
        } catch { failure = error }
      }
    }
  }
  if let failure { throw failure }
  #expect(bytes.first == 0xA5 && bytes.last == 0xA5, "\(type): nothing is written outside")
  return Array(bytes.dropFirst().dropLast())
}

private func dequantized(_ type: QuantType, _ bytes: [UInt8]) -> [Float] {
  RandomMatrix(type, rows: 1, columns: bytes.count / type.blockByteCount * type.blockSize, bytes: bytes).values
}

@Suite("Quantisation")
struct QuantizerTests {
  @Test("The types that are offered can be quantised to, and others say that they cannot")
  func coverage() {
    #expect(Set(QuantType.allCases.filter(\.isQuantizable)) == Set(quantizable))
    let zeros = [Float](repeating: 0, count: 256)
    #expect(throws: KingletError.self) { try quantized(.iq1_S, zeros, columns: 256) }
    #expect(throws: KingletError.self) { try quantized(.q4_K, zeros, columns: 128) }
    #expect(throws: KingletError.self) { try quantized(.q8_0, zeros, columns: 100) }
  }

  @Test(
    "Blocks equal ggml's, byte for byte", .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)),
    arguments: quantizable.filter { $0 != .f32 })
  func golden(type: QuantType) throws {
    let golden = try QuantGolden.load()
    let source = try floats(at: Shared.path("golden/quants/source.f32"))
    let file = try GGUFFile(path: Shared.path("golden/quants/quants.gguf"))
    let tensor = try #require(file.tensor(named: "w." + type.name))
    let expected = file.withBytes(of: tensor) { Array($0) }
    #expect(try quantized(type, source, columns: golden.cols) == expected)
  }

  /// Checksums of what ggml 0.25.3, compiled without fused multiply-add, makes of `heavyTailed` rows: without importance,
  /// and with `unevenImportance`.
  private static let checksums: [QuantType: (plain: UInt64, weighted: UInt64)] = [
    .f16: (0x3b3e_64b8_187f_94fc, 0x3b3e_64b8_187f_94fc),
    .bf16: (0x2961_4547_16c0_a7b7, 0x2961_4547_16c0_a7b7),
    .q4_0: (0xc60e_6096_95f6_b32d, 0x64df_7a69_9d81_3188),
    .q4_1: (0x2290_c49b_b93b_9897, 0xf8ed_9e04_05fe_482b),
    .q5_0: (0x2c93_9b2f_dd5f_b4f8, 0x2ca8_464a_2e75_015f),
    .q5_1: (0xa8cf_604b_af5e_6623, 0x8196_40ee_af95_d9a2),
    .q8_0: (0xb511_ff78_4363_1a1e, 0xb511_ff78_4363_1a1e),
    .q2_K: (0xe3fc_d927_f5ad_442a, 0x4c38_9f80_2575_db4f),
    .q3_K: (0x37a0_437a_e573_e9c0, 0x0c30_3b27_6df8_6cd0),
    .q4_K: (0x8feb_c4b4_90b7_e3c5, 0xa56d_9f37_c3c1_0d98),
    .q5_K: (0x7efe_efc0_3f27_cb47, 0x11c4_5406_de12_97ad),
    .q6_K: (0x53ed_4d30_e633_7185, 0xecfc_fee7_4487_c31b),
    .iq4_NL: (0xc960_40ca_42dc_8815, 0x08e3_af9e_ca6a_3a79),
    .iq4_XS: (0x68c9_9f6e_591d_ad66, 0x9891_509f_e53b_98c0),
  ]

  @Test("Blocks equal those of the reference, with and without importance", arguments: quantizable.dropFirst())
  func checksums(type: QuantType) throws {
    let expected = try #require(Self.checksums[type])
    let values = heavyTailed(rows: 24, columns: 768)
    #expect(checksum(try quantized(type, values, columns: 768)) == expected.plain)
    let weighted = try quantized(type, values, columns: 768, importance: unevenImportance(columns: 768))
    #expect(checksum(weighted) == expected.weighted)
  }

  @Test("More bits leave less error")
  func errors() throws {
    let values = heavyTailed(rows: 8, columns: 512)
    let norm = values.reduce(0) { $0 + Double($1 * $1) }
    func error(_ type: QuantType) throws -> Double {
      let result = dequantized(type, try quantized(type, values, columns: 512))
      return (zip(values, result).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / norm).squareRoot()
    }
    let ladder: [QuantType] = [.f32, .f16, .bf16, .q8_0, .q6_K, .q5_K, .q4_K, .q3_K, .q2_K]
    let found = try ladder.map(error)
    #expect(found[0] == 0)
    #expect(zip(found, found.dropFirst()).allSatisfy { $0 < $1 }, "\(found)")
    #expect(found.last.map { $0 < 0.4 } == true)
    for type in [QuantType.q4_0, .q4_1, .iq4_NL, .iq4_XS] { #expect(try error(type) < 0.15, "\(type)") }
    for type in [QuantType.q5_0, .q5_1] { #expect(try error(type) < 0.07, "\(type)") }
  }

  @Test(
    "Importance moves error to where it matters less", arguments: quantizable.filter { $0.blockSize > 1 && $0 != .q8_0 }
  )
  func importance(type: QuantType) throws {
    let columns = 512
    let values = heavyTailed(rows: 16, columns: columns)
    let importance = (0..<columns).map { Float($0 % 5 == 0 ? 50 : 1) }
    func error(_ bytes: [UInt8]) -> Double {
      zip(values, dequantized(type, bytes)).enumerated().reduce(0) { sum, element in
        let difference = Double(element.element.0 - element.element.1)
        return sum + Double(importance[element.offset % columns]) * difference * difference
      }
    }
    let plain = error(try quantized(type, values, columns: columns))
    #expect(error(try quantized(type, values, columns: columns, importance: importance)) < plain * 0.9)
  }

  @Test("What a type can represent is kept", arguments: [QuantType.q8_0, .q4_0, .q5_0])
  func fixedPoints(type: QuantType) throws {
    var random = SeededRandom(3)
    let end = type == .q8_0 ? 127 : type == .q4_0 ? -8 : -16
    let quants = (0..<512).map { $0 % 32 == 5 ? end : Int.random(in: -abs(end)...(abs(end) - 1), using: &random) }
    let values = quants.map { Float($0) * 0.25 }
    #expect(dequantized(type, try quantized(type, values, columns: 512)) == values)
  }

  @Test("Values of any size give finite results of their size or zero", arguments: quantizable)
  func extremes(type: QuantType) throws {
    for exponent in stride(from: -44, through: 2, by: 2) {
      let scale = Float(sign: .plus, exponent: exponent * 10 / 3, significand: 1)
      let values = heavyTailed(rows: 1, columns: 512).map { $0 * scale }
      for importance in [nil, unevenImportance(columns: 512), [Float](repeating: 0, count: 512)] {
        let result = dequantized(type, try quantized(type, values, columns: 512, importance: importance))
        let largest = values.map(\.magnitude).max() ?? 0
        #expect(result.allSatisfy { $0.magnitude <= largest * 1.5 + 1e-5 }, "\(exponent)")
      }
    }
    let zeros = [Float](repeating: 0, count: 512)
    #expect(dequantized(type, try quantized(type, zeros, columns: 512)) == zeros)
  }

  @Test("Infinity, NaN and the largest numbers do not trap", arguments: quantizable)
  func hostile(type: QuantType) throws {
    var random = SeededRandom(9)
    let odd: [Float] = [
      .infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
      -.leastNonzeroMagnitude, -0.0, 0, 1, -1,
    ]
    for round in 0..<40 {
      let share = Int.random(in: 1...100, using: &random)
      let values = (0..<512).map { _ in
        Int.random(in: 0..<100, using: &random) < share ? odd.randomElement(using: &random) ?? 0 : 0.5
      }
      let importance = round % 2 == 0 ? nil : (0..<512).map { _ in odd.randomElement(using: &random) ?? 0 }
      #expect(try quantized(type, values, columns: 512, importance: importance).count > 0)
    }
  }
}

/// Roughly normal values, cubed, with a few rows that are a quantiser's corner cases.
private func heavyTailed(rows: Int, columns: Int) -> [Float] {
  var random = SeededRandom(11)
  var values = random.floats(rows * columns).map { $0 * $0 * $0 }
  for (row, make) in [(3, { _ in 0 }), (5, { _ in 0.125 }), (7, { -abs($0) }), (9, { abs($0) }), (11, { $0 * 1e-6 })]
    as [(Int, (Float) -> Float)] where row < rows
  {
    for i in row * columns..<(row + 1) * columns { values[i] = make(values[i]) }
  }
  return values
}

private func unevenImportance(columns: Int) -> [Float] {
  var random = SeededRandom(12)
  return random.floats(columns).enumerated().map { $0 % 7 == 0 ? 0 : $1 * $1 }
}

/// FNV-1a.
private func checksum(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

private func floats(at path: String) throws -> [Float] {
  try bytes(at: path).withUnsafeBytes { raw in
    (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
  }
}
