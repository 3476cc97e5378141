import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletMerging
import KingletQuantization
import KingletQuants
import KingletTestSupport
import KingletTransformer
import Testing

/// Merged models against their base with the adapter applied beside the weights.
@Suite(.timeLimit(.minutes(15))) struct MergedModels {
  @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)), arguments: GoldenAdapter.names)
  func goldenAdapters(_ name: String) throws {
    let scratch = try ScratchFolder()
    let adapter = try GoldenAdapter.load(name)
    let base = try GGUFFile(path: GoldenAdapter.basePath)
    let merge = try Merge(base, [(adapter, 0.8)])
    try merge.write(to: scratch("merged.gguf"))
    let merged = try GGUFFile(path: scratch("merged.gguf"))
    let expected = try decoder(base.path).logits([(adapter, 0.8)])
    #expect(try normalizedError(decoder(merged.path).logits(), expected) < 1e-9)
    #expect(try normalizedError(decoder(base.path).logits(), expected) > 1e-3, "it does change something")
    #expect(merged.metadata.keys == base.metadata.keys)
    #expect(merged.tensors.map(\.name) == base.tensors.map(\.name))
    let changed = Set(adapter.updates.map { $0.tensor + ".weight" })
    #expect(Set(merge.tensors.filter(\.isMerged).map(\.name)) == changed)
    for tensor in base.tensors {
      let isSame = try bytes(of: tensor.name, in: base.path) == bytes(of: tensor.name, in: merged.path)
      #expect(isSame != changed.contains(tensor.name), "\(tensor.name)")
    }
  }

  /// Every kind of tensor, of every architecture, weight-decomposed or not, several at once.
  @Test(arguments: ["llama", "llama-tied", "qwen2", "gemma3"], [false, true])
  func everyTensor(_ architecture: String, isDecomposed: Bool) throws {
    let scratch = try ScratchFolder()
    let base = try GGUFFile(path: Fixtures.path("arch/\(architecture)/model.gguf"))
    let isTied = base.tensor(named: "output.weight") == nil
    let adapters: [(Adapter, Float)] = [
      (try wholeAdapter(of: base, seed: 1, isDecomposed: isDecomposed), 1),
      (try wholeAdapter(of: base, seed: 2, isDecomposed: isDecomposed), -0.5),
    ]
    try Merge(base, adapters.map { (adapter: $0.0, strength: $0.1) }).write(to: scratch("merged.gguf"))
    let expected = try decoder(base.path).logits(adapters)
    #expect(try normalizedError(decoder(scratch("merged.gguf")).logits(), expected) < 1e-9)
    let merged = try GGUFFile(path: scratch("merged.gguf"))
    #expect(merged.tensors.count == base.tensors.count + (isTied ? 1 : 0))
  }

  /// Updates of several matrices at once, biases, and tensors trained as a whole.
  @Test func whatIsNoPairOfFactorsForOneMatrix() throws {
    let scratch = try ScratchFolder()
    let base = try GGUFFile(path: Fixtures.path("arch/qwen2/model.gguf"))
    func rows(_ name: String) throws -> Int { try #require(base.tensor(named: name)).dimensions.last ?? 0 }
    func columns(_ name: String) throws -> Int { try #require(base.tensor(named: name)).dimensions[0] }
    var random = SeededRandom(9)
    let attention = try ["q", "k", "v"].reduce(0) { try $0 + rows("blk.0.attn_\($1).weight") }
    let hidden = try columns("blk.0.attn_q.weight")
    let feedForward = try rows("blk.0.ffn_up.weight")
    let count = try #require(base.tensor(named: "token_embd.weight")).elementCount
    let adapter = Adapter(
      [
        update("blk.0.attn_qkv", rows: attention, columns: hidden, isDecomposed: true),
        update("blk.0.ffn_gate_up", rows: 2 * feedForward, columns: hidden),
        update("blk.1.ffn_up", rows: 2 * feedForward, columns: hidden),
        AdapterUpdate(
          tensor: "blk.1.attn_k", rank: 0, a: [], b: [], scale: 1,
          bias: random.floats(try rows("blk.1.attn_k.bias")), rowOrder: .halves),
        AdapterUpdate(
          tensor: "output", replacement: random.floats(count, deviation: 0.1), columns: hidden, rowOrder: .halves),
        AdapterUpdate(
          tensor: "token_embd", replacement: random.floats(count, deviation: 0.1), columns: hidden, rowOrder: .halves),
      ], named: "adapter")
    try Merge(base, [(adapter, 0.6)]).write(to: scratch("merged.gguf"))
    let expected = try decoder(base.path).logits([(adapter, 0.6)])
    #expect(try normalizedError(decoder(scratch("merged.gguf")).logits(), expected) < 1e-9)
    #expect(try normalizedError(decoder(base.path).logits(), expected) > 1e-3, "it does change something")
    // A bias where the model has none.
    let llama = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let biased = AdapterUpdate(
      tensor: "blk.0.attn_q", rank: 0, a: [], b: [], scale: 1, bias: random.floats(64), rowOrder: .halves)
    #expect(throws: KingletError.self) { try Merge(llama, [(Adapter([biased], named: "biased"), 1)]) }
  }

  @Test func quantizedBasesKeepTheirTypes() throws {
    let scratch = try ScratchFolder()
    let float = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let adapter = Adapter([update("blk.1.attn_q", rows: 64, columns: 64)], named: "adapter")
    try Quantization(float, .init(type: .q8_0)).write(to: scratch("base.gguf"))
    let base = try GGUFFile(path: scratch("base.gguf"))
    try Merge(base, [(adapter, 1)]).write(to: scratch("merged.gguf"))
    let merged = try GGUFFile(path: scratch("merged.gguf"))
    #expect(merged.tensors.map(\.type) == base.tensors.map(\.type))
    #expect(merged.tensor(named: "blk.1.attn_q.weight")?.type == .q8_0)
    for tensor in base.tensors where tensor.name != "blk.1.attn_q.weight" {
      #expect(try bytes(of: tensor.name, in: base.path) == bytes(of: tensor.name, in: merged.path))
    }
    let expected = try decoder(base.path).logits([(adapter, 1)])
    let error = try normalizedError(decoder(merged.path).logits(), expected)
    #expect(error < 1e-3 && error > 0, "the rounding of one matrix")

    // Another type: that of `quantize`, for tensors that no adapter changes too.
    try Merge(float, [(adapter, 1)], .init(type: .q4_K_M, threads: 1)).write(to: scratch("small.gguf"))
    let planned = try Quantization(float, .init(type: .q4_K_M)).tensors
    let small = try GGUFFile(path: scratch("small.gguf"))
    #expect(small.tensors.map(\.name) == planned.map(\.name))
    #expect(small.tensors.map(\.type) == planned.map(\.target))
    #expect(try small.metadata.integer("general.file_type") == Int(FileType.q4_K_M.rawValue))
    try Merge(base, [(adapter, 1)], .init(type: .f32)).write(to: scratch("float.gguf"))
    #expect(try normalizedError(decoder(scratch("float.gguf")).logits(), expected) < 1e-9)
    // Merged in float and quantised afterwards, or at once: the same bytes.
    try Merge(float, [(adapter, 1)]).write(to: scratch("sum.gguf"))
    try Quantization(GGUFFile(path: scratch("sum.gguf")), .init(type: .q4_K_M)).write(to: scratch("after.gguf"))
    #expect(try bytes(at: scratch("after.gguf")) == bytes(at: scratch("small.gguf")))
  }

  @Test func refusals() throws {
    let scratch = try ScratchFolder()
    let path = scratch("base.gguf")
    try FileManager.default.copyItem(atPath: Fixtures.path("arch/llama/model.gguf"), toPath: path)
    let base = try GGUFFile(path: path)
    let good = Adapter([update("blk.0.attn_q", rows: 64, columns: 64)], named: "adapter")
    let wide = Adapter([update("blk.0.attn_q", rows: 64, columns: 128)], named: "wide")
    let deep = Adapter([update("blk.3.attn_q", rows: 64, columns: 64)], named: "deep")
    let error = #expect(throws: KingletError.self) { try Merge(base, [(wide, 1)]) }
    #expect(error?.message.contains("64 x 128") == true && error?.message.contains("64 x 64") == true)
    #expect(throws: KingletError.self) { try Merge(base, [(deep, 1)]) }
    for strength in [Float.nan, 1e30] {
      #expect(throws: KingletError.self) { try Merge(base, [(good, strength)]) }
    }
    #expect(throws: KingletError.self) { try Merge(base, [(good, 1)]).write(to: path) }
    #expect(try bytes(at: path) == bytes(at: Fixtures.path("arch/llama/model.gguf")))
    // Sums beyond the type: an error that names the tensor, and nothing is left behind.
    let half = try Merge(base, [(good, 1e6)], .init(type: .f16))
    let overflow = #expect(throws: KingletError.self) { try half.write(to: scratch("half.gguf")) }
    #expect(overflow?.location?.contains("blk.0.attn_q") == true)
    let cancelled = #expect(throws: KingletError.self) {
      try Merge(base, [(good, 1)]).write(to: scratch("cancelled.gguf"), isCancelled: { true })
    }
    #expect(cancelled?.code == .cancelled)
    #expect(scratch.names == ["base.gguf"])
  }
}
