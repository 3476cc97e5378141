// QuantizationTests: which types tensors get, the files that come out, and importance matrices.

import KingletErrors
import KingletGGUF
import KingletQuantization
import KingletQuants
import KingletTestSupport
import Testing

@Suite("Choice of types")
struct TypeChoiceTests {
  private static let models: [String: ToyModel] = (try? json(at: Fixtures.path("quantization/types.json"))) ?? [:]
  private static let nothing = ImportanceMatrix(entries: ["none": .init(sums: [1], counts: [1])])

  @Test(
    "Every tensor gets the type that llama.cpp gives it",
    arguments: ["plain", "shared", "narrow", "odd", "experts", "large"])
  func reference(name: String) throws {
    let model = try #require(Self.models[name])
    let file = try model.file { Array(repeating: 0, count: $1) }
    for type in FileType.allCases {
      for importance in [nil, Self.nothing] {
        let plan = try Quantization(file, .init(type: type, importance: importance))
        let chosen = Dictionary(uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.target.name) })
        let plain = try #require(model.types[type.name])
        let expected = (importance == nil ? plain : model.with_importance[type.name] ?? plain).byName
        for (tensor, wanted) in expected { #expect(chosen[tensor] == wanted, "\(type.name): \(tensor)") }
        #expect(expected.count > model.layers * 6)
      }
    }
  }

  @Test("Names are found in any case, and without a size mean the medium one")
  func names() {
    for type in FileType.allCases { #expect(FileType(name: type.name.lowercased()) == type) }
    #expect(FileType(name: "q4_k") == .q4_K_M && FileType(name: "Q3_K") == .q3_K_M && FileType(name: "q5_K") == .q5_K_M)
    #expect(FileType(name: "Q7_K") == nil && FileType(name: "") == nil)
  }

  @Test("What does not fit a type's blocks is told")
  func fallback() throws {
    let file = try ToyModel(heads: 3, key_heads: 3, hidden: 96, feed_forward: 256).file {
      Array(repeating: 0, count: $1)
    }
    let plan = try Quantization(file, .init(type: .q4_K_M))
    let byName = Dictionary(uniqueKeysWithValues: plan.tensors.map { ($0.name, $0) })
    #expect(byName["blk.0.attn_q.weight"].map { $0.isFallback && $0.target == .q5_0 } == true)
    #expect(byName["blk.0.ffn_down.weight"].map { !$0.isFallback && $0.target == .q4_K } == true)
    #expect(byName["blk.0.attn_norm.weight"].map { !$0.isFallback && $0.target == .f32 } == true)
  }
}
