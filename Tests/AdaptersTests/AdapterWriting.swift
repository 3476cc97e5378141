import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletSafetensors
import KingletTestSupport
import KingletTransformer
import Testing

private func base(_ name: String = "llama") throws -> AdapterBase {
  try AdapterBase(GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf")))
}

/// Random factors; `values` may make other numbers of them.
private func update(
  _ tensor: String, rows: Int = 64, columns: Int = 64, rank: Int = 2, scale: Float = 2, isDecomposed: Bool = false,
  values: (Float) -> Float = { $0 }
) -> AdapterUpdate {
  var random = SeededRandom(UInt64(tensor.utf8.reduce(7) { ($0 * 31 + Int($1)) % 65_536 }))
  let (a, b) = (random.floats(rank * columns, deviation: 0.2), random.floats(rows * rank, deviation: 0.2))
  let isOfEmbedding = tensor == "token_embd"
  return AdapterUpdate(
    tensor: tensor, rank: rank, a: (isOfEmbedding ? b : a).map(values), b: (isOfEmbedding ? a : b).map(values),
    scale: scale, magnitude: isDecomposed ? random.floats(rows, deviation: 1).map { values(abs($0) + 0.5) } : nil,
    rowOrder: .halves)
}

/// `scale B A` of an adapter, by tensor; the magnitude behind it.
private func effects(_ adapter: Adapter, _ base: AdapterBase) -> [String: [Double]] {
  var effects: [String: [Double]] = [:]
  for update in adapter.updates {
    let u = base.arranged(update, as: .stored)
    let (rows, columns) = (u.b.count / u.rank, u.a.count / u.rank)
    var effect = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for k in 0..<u.rank {
        let factor = Double(u.scale) * Double(u.b[row * u.rank + k])
        for column in 0..<columns { effect[row * columns + column] += factor * Double(u.a[k * columns + column]) }
      }
    }
    effects[u.tensor] = effect + (u.magnitude ?? []).map(Double.init)
  }
  return effects
}

private func expectSame(_ one: Adapter, _ other: Adapter, _ base: AdapterBase, _ comment: String = "") {
  let (first, second) = (effects(one, base), effects(other, base))
  #expect(first.keys.sorted() == second.keys.sorted(), "\(comment)")
  for (tensor, values) in first {
    let others = second[tensor] ?? []
    let size = values.map { abs($0) }.max() ?? 0
    let difference = zip(values, others).map { abs($0 - $1) }.max() ?? .infinity
    #expect(values.count == others.count && difference <= 5e-7 * size, "\(comment) \(tensor): \(difference) of \(size)")
  }
}

@Suite struct AdapterWriting {
  @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason))) func goldenAdaptersThroughEveryFormat() throws
  {
    let scratch = try ScratchFolder()
    let file = try GGUFFile(path: Shared.path("golden/arch/llama/model.gguf"))
    let base = try AdapterBase(file)
    let decoder = try Decoder.load(file, options: .init(compute: .init(matmul: .simd)))
    func logits(_ adapter: Adapter) throws -> [Float] {
      try decoder.allLogits([5, 77, 301, 12, 440, 9], [decoder.adapter(adapter.updates).scaled(1)])
    }
    var count = 0
    for name in GoldenAdapters.tiny {
      let folder = GoldenAdapters.root + "/tiny/" + name
      let path = FileManager.default.fileExists(atPath: folder + "/adapter.gguf") ? folder + "/adapter.gguf" : folder
      let original = try Adapter(contentsOf: path)
      if original.updates.contains(where: { $0.replacement != nil }) {
        let error = #expect(throws: KingletError.self) { try original.write(to: scratch(name), as: .peft, base: base) }
        #expect(error?.code == .unsupported && error?.location?.contains("output") == true)
        continue
      }
      let expected = try logits(original)
      // In one go, and back from there.
      for format in [Adapter.Format.peft, .mlx, .gguf] {
        let isDecomposed = original.updates.contains { $0.magnitude != nil }
        if isDecomposed, format == .gguf { continue }
        let there = scratch("\(name)-\(format)"), back = scratch("\(name)-\(format)-back")
        _ = try original.write(to: there, as: format, base: base)
        let written = try Adapter(contentsOf: there)
        #expect(written.format == format)
        expectSame(original, written, base, "\(name) as \(format)")
        _ = try written.write(to: back, as: .peft, base: base)
        let returned = try Adapter(contentsOf: back)
        expectSame(original, returned, base, "\(name) back from \(format)")
        let differences = zip(try logits(returned), expected).map { abs($0 - $1) }
        #expect((differences.max() ?? 1) < 2e-5, "\(name) back from \(format)")
        count += 1
      }
    }
    #expect(count >= 30)
  }

  @Test func peftKeepsEveryScaleAndRankAsItIs() throws {
    let scratch = try ScratchFolder()
    let odd = Float(20) / Float(6).squareRoot()
    let adapter = Adapter(
      [
        update("blk.0.attn_q"), update("blk.1.attn_q", rank: 3, scale: odd), update("blk.2.attn_q"),
        update("blk.0.ffn_down", columns: 144, rank: 1, scale: 0.1), update("output", rows: 512, scale: 0),
        update("token_embd", rows: 512, scale: 3),
      ], named: "adapter")
    #expect(try adapter.write(to: scratch("peft"), as: .peft) == [])
    let read = try Adapter(contentsOf: scratch("peft"))
    for (one, other) in zip(adapter.updates, read.updates) {
      #expect(one.tensor == other.tensor && one.rank == other.rank && one.scale == other.scale)
      #expect(one.a == other.a && one.b == other.b, "bits")
    }
    #expect(adapter.updates.count == read.updates.count)
    let config = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: scratch("peft/adapter_config.json"))))
    let members = try #require(config as? [String: Any])
    #expect(members["r"] as? Int == 2 && members["lora_alpha"] as? Int == 4)
    let ranks = members["rank_pattern"] as? [String: Int]
    #expect(ranks == ["down_proj": 1, "layers.1.self_attn.q_proj": 3])
    // Not all layers have a down_proj: last names would mean too much.
    let targets = members["target_modules"] as? [String]
    #expect(targets?.contains("model.layers.0.mlp.down_proj") == true && targets?.count == 6)
  }

  @Test func targetsAreLastNamesWhereAllLayersHaveThem() throws {
    let scratch = try ScratchFolder()
    let adapter = Adapter((0..<3).map { update("blk.\($0).attn_q") } + [update("output", rows: 512)], named: "adapter")
    _ = try adapter.write(to: scratch("whole"), as: .peft, base: base())
    let text = try String(contentsOfFile: scratch("whole/adapter_config.json"), encoding: .utf8)
    #expect(text.contains("\"lm_head\",\n    \"q_proj\"") && !text.contains("model.layers"))
  }

  @Test func otherFormatsFoldWhatTheyCannotSay() throws {
    let scratch = try ScratchFolder()
    let base = try base()
    let adapter = Adapter(
      [
        update("blk.0.attn_q"), update("blk.1.attn_k", rows: 32, rank: 3, scale: 0.3), update("blk.2.attn_q", scale: 0),
        update("blk.0.ffn_down", columns: 144, scale: 2), update("output", rows: 512), update("token_embd", rows: 512),
      ], named: "adapter")
    for (format, count) in [(Adapter.Format.mlx, 2), (.gguf, 1)] {
      let notes = try adapter.write(to: scratch("\(format)"), as: format, base: base)
      #expect(notes.count == count && notes[0].hasPrefix("2 of 6 updates have another scale"), "\(notes)")
      expectSame(adapter, try Adapter(contentsOf: scratch("\(format)")), base, "\(format)")
    }
    // From one to the other, rows in another order than they have on the way.
    _ = try Adapter(contentsOf: scratch("gguf")).write(to: scratch("mlx2"), as: .mlx, base: base)
    expectSame(adapter, try Adapter(contentsOf: scratch("mlx2")), base)
    let silent = Adapter([update("blk.0.attn_q", scale: 0)], named: "adapter")
    _ = try silent.write(to: scratch("silent.gguf"), as: .gguf, base: base)
    expectSame(silent, try Adapter(contentsOf: scratch("silent.gguf")), base)
  }

  @Test func narrowValuesStayNarrow() throws {
    let scratch = try ScratchFolder()
    // Halves have more digits, brain floats a wider range.
    let cases: [(SafetensorsType, UInt32, Float)] = [(.bf16, 16, 1e-8), (.f16, 13, 1), (.f32, 0, 1)]
    for (type, bits, size) in cases {
      let narrow = update("blk.0.attn_q", isDecomposed: true) {
        Float(bitPattern: (($0 + 2) * size).bitPattern & (.max << bits))
      }
      let adapter = Adapter([narrow], named: "adapter")
      for format in [Adapter.Format.peft, .mlx] {
        let path = scratch("\(format)-\(type)")
        _ = try adapter.write(to: path, as: format)
        let name = format == .peft ? "adapter_model" : "adapters"
        let file = try SafetensorsFile(path: "\(path)/\(name).safetensors")
        #expect(Set(file.tensors.map(\.type)) == [type])
        let read = try Adapter(contentsOf: path)
        #expect(read.updates[0].a == adapter.updates[0].a && read.updates[0].magnitude == adapter.updates[0].magnitude)
      }
    }
  }

  @Test func refusals() throws {
    let scratch = try ScratchFolder()
    let (llama, tied) = (try base(), try base("llama-tied"))
    func refusal(_ updates: [AdapterUpdate], _ format: Adapter.Format, _ base: AdapterBase?) -> KingletError? {
      #expect(throws: KingletError.self) {
        try Adapter(updates, named: "adapter").write(to: scratch("refused"), as: format, base: base)
      }
    }
    let plain = update("blk.0.attn_q")
    let decomposed = update("blk.1.attn_q", isDecomposed: true)
    #expect(refusal([decomposed], .gguf, llama)?.location == "adapter: blk.1.attn_q")
    #expect(refusal([decomposed], .gguf, llama)?.code == .unsupported)
    #expect(refusal([plain], .gguf, nil)?.remedy?.contains("--base") == true)
    for format in [Adapter.Format.peft, .mlx] {
      #expect(refusal([plain, decomposed], format, llama)?.location == "adapter: blk.1.attn_q")
    }
    for tensor in ["output", "token_embd"] {
      let other = update(tensor, rows: 512)
      #expect(refusal([other], .mlx, nil)?.code == .invalidArgument)
      for format in [Adapter.Format.mlx, .gguf] {
        #expect(refusal([other], format, tied)?.code == .unsupported)
        _ = try Adapter([other], named: "adapter").write(to: scratch("\(tensor)-\(format)"), as: format, base: llama)
      }
    }
    #expect(refusal([update("blk.0.attn_q", columns: 128)], .peft, llama)?.message.contains("64 x 128") == true)
    #expect(refusal([update("blk.3.attn_q")], .peft, llama)?.message.contains("3 layers") == true)
    #expect(refusal([update("blk.0.attn_norm")], .peft, nil)?.location == "blk.0.attn_norm")
    // Rows that the base has put in its order, and no base to tell which.
    _ = try Adapter([plain], named: "adapter").write(to: scratch("stored.gguf"), as: .gguf, base: llama)
    let stored = try Adapter(contentsOf: scratch("stored.gguf"))
    #expect(throws: KingletError.self) { try stored.write(to: scratch("refused"), as: .peft) }
    let (qwen, error) = (try base("qwen2"), KingletError.self)
    #expect(throws: error) { try stored.write(to: scratch("refused"), as: .peft, base: qwen) }
    // Over itself, over something else, and where nothing can be written.
    let before = try Data(contentsOf: URL(fileURLWithPath: scratch("stored.gguf")))
    #expect(throws: error) { try stored.write(to: scratch("stored.gguf"), as: .gguf, base: llama) }
    #expect(throws: error) { try stored.write(to: scratch("stored.gguf"), as: .peft, base: llama) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch("stored.gguf"))) == before)
    _ = try stored.write(to: scratch("folder"), as: .peft, base: llama)
    #expect(throws: error) { try stored.write(to: scratch("folder"), as: .mlx, base: llama) }
    #expect(throws: error) { try stored.write(to: scratch("absent/folder"), as: .mlx, base: llama) }
    let peft = try Adapter(contentsOf: scratch("folder"))
    #expect(throws: error) { try peft.write(to: scratch("folder/adapter_model.safetensors"), as: .gguf, base: llama) }
    expectSame(stored, try Adapter(contentsOf: scratch("folder")), llama)
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    #expect(!names.contains { $0 == "refused" || $0.hasSuffix(".partial") })
    try FileManager.default.createDirectory(atPath: scratch("empty"), withIntermediateDirectories: true)
    _ = try stored.write(to: scratch("empty/"), as: .mlx, base: llama)
    expectSame(stored, try Adapter(contentsOf: scratch("empty")), llama)
  }
}
