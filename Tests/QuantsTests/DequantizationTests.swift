import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

private let dequantizable: [QuantType] = [
  .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS, .iq1_S,
  .iq1_M, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S, .tq1_0, .tq2_0, .mxfp4, .nvfp4, .q1_0, .q2_0,
]

/// `count` values from `bytes`, read from an odd address.
private func dequantized(_ type: QuantType, _ bytes: some Collection<UInt8>, count: Int) throws(KingletError) -> [Float]
{
  let shifted = [0] + bytes
  var values = [Float](repeating: -77, count: count)
  var failure: KingletError?
  shifted.withUnsafeBytes { source in
    values.withUnsafeMutableBufferPointer { destination in
      guard let start = source.baseAddress, let values = destination.baseAddress else { return }
      do throws(KingletError) { try type.dequantize(start + 1, count: count, into: values) } catch { failure = error }
    }
  }
  if let failure { throw failure }
  return values
}

@Suite("Dequantisation")
struct DequantizationTests {
  @Test("All types of weights can be dequantised, and others say that they cannot")
  func coverage() {
    #expect(Set(QuantType.allCases.filter(\.isDequantizable)) == Set(dequantizable))
    #expect(throws: KingletError.self) { try dequantized(.q8_K, [UInt8](repeating: 0, count: 292), count: 256) }
  }

  @Test("A count that is no whole number of blocks is refused", arguments: [1, 31, 33, -32])
  func incompleteBlocks(count: Int) throws {
    try withUnsafeTemporaryAllocation(byteCount: 256, alignment: 4) { bytes in
      let start = try #require(bytes.baseAddress)
      let values = start.assumingMemoryBound(to: Float.self)
      #expect { try QuantType.q8_0.dequantize(start, count: count, into: values) } throws: {
        ($0 as? KingletError)?.code == .invalidArgument
      }
    }
  }

  @Test("Values equal those of an independent implementation of the formats, bit for bit", arguments: dequantizable)
  func fixture(type: QuantType) throws {
    struct Case: Decodable {
      let blocks: String
      let values: String
    }
    let cases: [String: Case] = try json(at: Fixtures.path("quants/blocks.json"))
    let expected = try #require(cases[type.name])
    let blocks = try #require(unhex(expected.blocks))
    let values = try #require(unhex(expected.values))
    #expect(blocks.count / type.blockByteCount * type.blockSize * 4 == values.count)

    let result = try dequantized(type, blocks, count: values.count / 4)
    #expect(result.withUnsafeBytes { $0.elementsEqual(values) })
  }

  @Test(
    "Values equal ggml's, bit for bit", .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)),
    arguments: dequantizable.filter { $0 != .f32 })
  func golden(type: QuantType) throws {
    let golden = try QuantGolden.load()
    let entry = try #require(golden.types[type.name])
    let file = try GGUFFile(path: Shared.path("golden/quants/quants.gguf"))
    let tensor = try #require(file.tensor(named: entry.tensor))
    #expect(tensor.type == type)
    #expect(tensor.byteCount == entry.bytes)
    #expect(tensor.dimensions == [golden.cols, golden.rows])

    let expected = try bytes(at: Shared.path("golden/quants/" + entry.dequant))
    let result = try file.withBytes(of: tensor) { try dequantized(type, Array($0), count: tensor.elementCount) }
    #expect(result.withUnsafeBytes { $0.elementsEqual(expected) })
  }

  @Test("Blocks of any bytes give numbers, infinities or NaN, and no trap", arguments: dequantizable)
  func randomBlocks(type: QuantType) throws {
    var generator = SplitMix64(state: 7)
    for filling in [nil, 0x00, 0xff, 0x7f, 0x80] as [UInt8?] {
      let blockCount = 200
      let blocks = (0..<blockCount * type.blockByteCount).map { _ in filling ?? generator.byte() }
      let values = try dequantized(type, blocks, count: blockCount * type.blockSize)
      #expect(values.count == blockCount * type.blockSize)
    }
  }

  @Test("Nothing is written beyond the values asked for")
  func bounds() throws {
    for type in dequantizable {
      let count = type.blockSize * 2
      let source = [UInt8](repeating: 0x11, count: type.blockByteCount * 2)
      var values = [Float](repeating: -77, count: count + 64)
      let dequantizer = try #require(type.dequantizer)
      source.withUnsafeBytes { source in
        values.withUnsafeMutableBufferPointer { values in
          guard let source = source.baseAddress, let values = values.baseAddress else { return }
          dequantizer(source, count, values)
        }
      }
      #expect(values[..<count].allSatisfy { $0 != -77 }, "\(type)")
      #expect(values[count...].allSatisfy { $0 == -77 }, "\(type)")
    }
  }
}

private func unhex(_ text: String) -> [UInt8]? {
  let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map { UInt8($0) } }
  guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The generator of Steele, Lea and Flood: a fixed sequence, so that a failure repeats.
private struct SplitMix64 {
  var state: UInt64

  mutating func byte() -> UInt8 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return UInt8(truncatingIfNeeded: z >> 56)
  }
}
