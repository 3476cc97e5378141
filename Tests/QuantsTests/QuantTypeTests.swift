// QuantsTests: type sizes, block layouts, half-precision conversion, dequantisation and quantisation bit for bit.

import KingletQuants
import KingletTestSupport
import Testing

@Suite("Tensor types")
struct QuantTypeTests {
  @Test("Names are as other tools write them")
  func names() {
    #expect(QuantType.q4_K.name == "Q4_K")
    #expect(QuantType.iq2_XXS.name == "IQ2_XXS")
    #expect(QuantType.f32.name == "F32")
    #expect(QuantType.bf16.name == "BF16")
    #expect(Set(QuantType.allCases.map(\.name)).count == QuantType.allCases.count)
  }

  @Test("Numbers that ggml has retired are unknown", arguments: [4, 5, 31, 32, 33, 36, 37, 38, 43, UInt32.max])
  func retiredNumbers(number: UInt32) {
    #expect(QuantType(rawValue: number) == nil)
  }

  @Test("A block layout has the size of the type's block and needs no alignment")
  func layouts() {
    func check<Block: QuantBlock>(_: Block.Type) {
      #expect(MemoryLayout<Block>.size == Block.type.blockByteCount, "\(Block.self)")
      #expect(MemoryLayout<Block>.stride == Block.type.blockByteCount, "\(Block.self)")
      #expect(MemoryLayout<Block>.alignment == 1, "\(Block.self)")
    }
    check(BlockQ4_0.self)
    check(BlockQ4_1.self)
    check(BlockQ5_0.self)
    check(BlockQ5_1.self)
    check(BlockQ8_0.self)
    check(BlockQ2_K.self)
    check(BlockQ3_K.self)
    check(BlockQ4_K.self)
    check(BlockQ5_K.self)
    check(BlockQ6_K.self)
    check(BlockIQ4_NL.self)
    check(BlockIQ4_XS.self)
    check(BlockIQ1_S.self)
    check(BlockIQ1_M.self)
    check(BlockIQ2_XXS.self)
    check(BlockIQ2_XS.self)
    check(BlockIQ2_S.self)
    check(BlockIQ3_XXS.self)
    check(BlockIQ3_S.self)
    check(BlockTQ1_0.self)
    check(BlockTQ2_0.self)
    check(BlockMXFP4.self)
    check(BlockNVFP4.self)
    check(BlockQ1_0.self)
    check(BlockQ2_0.self)
  }

  @Test("Bytes are counted for whole blocks only", arguments: QuantType.allCases)
  func byteCounts(type: QuantType) {
    #expect(type.byteCount(forElements: 0) == 0)
    #expect(type.byteCount(forElements: type.blockSize * 3) == type.blockByteCount * 3)
    #expect(type.byteCount(forElements: -type.blockSize) == nil)
    #expect(type.byteCount(forElements: Int.min) == nil)
    if type.blockSize > 1 {
      #expect(type.byteCount(forElements: type.blockSize + 1) == nil)
      #expect(type.byteCount(forElements: 1) == nil)
    }
  }

  @Test("A byte count beyond Int is nil")
  func overflow() {
    #expect(QuantType.f32.byteCount(forElements: Int.max) == nil)
    #expect(QuantType.f64.byteCount(forElements: Int.max / 8 + 1) == nil)
    #expect(QuantType.q8_0.byteCount(forElements: Int.max / 32 * 32) == nil)
    #expect(QuantType.i8.byteCount(forElements: Int.max) == Int.max)
  }

  @Test(
    "Numbers and sizes agree with ggml's for every type of the golden set",
    .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)))
  func goldenSizes() throws {
    let golden = try QuantGolden.load()
    #expect(golden.types.count > 25)
    for (name, expected) in golden.types {
      let type = try #require(QuantType(rawValue: expected.ggml_type), "\(name)")
      #expect(type.name == name)
      #expect(type.blockSize == expected.block, "\(name)")
      #expect(type.blockByteCount == expected.block_bytes, "\(name)")
    }
  }
}

/// `golden/quants/golden.json`, as far as dequantisation needs it.
struct QuantGolden: Decodable {
  struct Entry: Decodable {
    let ggml_type: UInt32
    let block: Int
    let block_bytes: Int
    let bytes: Int
    let tensor: String
    let dequant: String
  }
  let rows: Int
  let cols: Int
  let types: [String: Entry]

  static func load() throws -> QuantGolden { try json(at: Shared.path("golden/quants/golden.json")) }
}
