import Foundation
import KingletAdapters
import KingletErrors
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

private let ids: [Int32] = (0..<70).map { Int32($0 * 37 % 509 + 3) }

@Suite struct AdapterFiles {
  @Test func whatIsNotAppliedIsRefusedByName() throws {
    let settings: [(String, Any)] = [
      ("bias", "some"), ("layer_replication", [[0, 2]]), ("lora_bias", true),
      ("target_parameters", ["mlp.experts"]), ("trainable_token_indices", [3]), ("use_qalora", true),
      ("something_new", 1), ("peft_type", "LOHA"),
    ]
    for (key, value) in settings {
      var adapter = ToyAdapter()
      adapter.config[key] = value
      let error = try adapter.refusal()
      #expect(error?.code == .unsupported, "\(key)")
      let said = (error?.location ?? "") + (error?.message ?? "")
      let isNamed = said.contains(key == "peft_type" ? "LOHA" : key)
      #expect(isNamed, "\(key)")
    }
    for name in ["score.weight", "model.norm.weight", "model.layers.0.self_attn.q_proj.weight"] {
      var adapter = ToyAdapter()
      adapter.tensors["base_model.model.\(name)"] = [64]
      let error = try adapter.refusal()
      #expect(error?.code == .unsupported && error?.location?.contains(name) == true)
    }
    // A bias where the settings say that there is none, and one of a module that is not adapted.
    var biased = ToyAdapter()
    biased.tensors["base_model.model.model.layers.0.self_attn.q_proj.bias"] = [64]
    #expect(try biased.refusal()?.code == .fileCorrupt)
    biased.config["bias"] = "all"
    biased.tensors["base_model.model.model.norm.bias"] = [64]
    #expect(try biased.refusal()?.code == .unsupported)
  }

  @Test func whatIsMoreThanFactorsIsRead() throws {
    var adapter = ToyAdapter()
    adapter.config["bias"] = "lora_only"
    adapter.config["alora_invocation_tokens"] = [5, 6]
    adapter.tensors["base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias"] = [64]
    adapter.tensors["base_model.model.model.layers.0.self_attn.v_proj.bias"] = [32]
    adapter.tensors["base_model.model.lm_head.weight"] = [512, 64]
    adapter.tensors["base_model.model.model.embed_tokens.weight"] = [512, 64]
    adapter.add("model.layers.1.self_attn.qkv_proj", columns: 64, rows: 128)
    adapter.add("model.layers.1.mlp.gate_up_proj", columns: 64, rows: 288)
    let read = try adapter.loaded()
    #expect(read.invocation == [5, 6])
    let tensors = Dictionary(uniqueKeysWithValues: read.updates.map { ($0.tensor, $0) })
    #expect(tensors["blk.0.attn_q"]?.bias?.count == 64 && tensors["blk.0.attn_q"]?.rank == 2)
    #expect(tensors["blk.0.attn_v"]?.bias?.count == 32 && tensors["blk.0.attn_v"]?.rank == 0)
    #expect(tensors["output"]?.replacement?.count == 512 * 64)
    #expect(tensors["token_embd"]?.replacement?.count == 512 * 64)
    let decoder = try tinyDecoder()
    let loaded = try decoder.adapter(read.updates, invocation: read.invocation)
    let prompt = ids + [5, 6]
    #expect(
      try decoder.allLogits(prompt, [loaded.scaled(1).starting(in: prompt)]) != decoder.allLogits(prompt, []))
  }

  @Test func whatContradictsItselfIsCorrupt() throws {
    for (key, value) in [("r", 3), ("r", 0), ("r", "2"), ("lora_alpha", "x"), ("use_dora", true)] as [(String, Any)] {
      var adapter = ToyAdapter()
      adapter.config[key] = value
      #expect(try adapter.refusal()?.code == .fileCorrupt, "\(key)")
    }
    for key in ["r", "lora_alpha", "peft_type"] {
      var adapter = ToyAdapter()
      adapter.config[key] = nil
      #expect(try adapter.refusal()?.location?.contains(key) == true)
    }
    var lonely = ToyAdapter()
    lonely.tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"] = nil
    #expect(try lonely.refusal()?.code == .fileCorrupt)
    var empty = ToyAdapter()
    empty.tensors = [:]
    #expect(try empty.refusal()?.code == .fileCorrupt)
  }

  @Test func anotherBaseIsNamedWithBothSides() throws {
    var wide = ToyAdapter()
    wide.add("model.layers.0.self_attn.q_proj", columns: 128, rows: 64)
    let error = try wide.refusal()
    #expect(error?.code == .invalidArgument && error?.location == "blk.0.attn_q")
    #expect(error?.message.contains("64 x 128") == true && error?.message.contains("64 x 64") == true)
    var deep = ToyAdapter()
    deep.add("model.layers.3.self_attn.q_proj", columns: 64, rows: 64)
    #expect(try deep.refusal()?.message.contains("3 layers") == true)
    var other = ToyAdapter()
    other.add("model.layers.0.self_attn.qkv_proj", columns: 64, rows: 64)
    #expect(try other.refusal()?.message.contains("128 x 64") == true)
    // Made ready for one decoder, used on another.
    let (one, two) = (try tinyDecoder(), try tinyDecoder())
    let adapter = try one.adapter(ToyAdapter().loaded().updates)
    #expect(throws: KingletError.self) { try two.allLogits([5], [adapter.scaled(1)]) }
    #expect(throws: KingletError.self) { try one.allLogits([5], [adapter.scaled(.nan)]) }
  }

  @Test func pickledWeightsAreRefusedWithTheReason() throws {
    let adapter = ToyAdapter()
    try adapter.write()
    defer { adapter.remove() }
    try FileManager.default.moveItem(
      atPath: adapter.path + "/adapter_model.safetensors", toPath: adapter.path + "/adapter_model.bin")
    let error = #expect(throws: KingletError.self) { try Adapter(contentsOf: adapter.path) }
    #expect(error?.code == .unsupported && error?.message.contains("programs") == true)
    try FileManager.default.removeItem(atPath: adapter.path + "/adapter_model.bin")
    #expect(throws: KingletError.self) { try Adapter(contentsOf: adapter.path) }
    #expect(throws: KingletError.self) { try Adapter(contentsOf: adapter.path + "/absent") }
    #expect(throws: KingletError.self) { try Adapter(contentsOf: Fixtures.path("arch/llama/model.gguf")) }
  }

  @Test func everyTruncationIsAnError() throws {
    let adapter = ToyAdapter()
    try adapter.write()
    defer { adapter.remove() }
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      let url = URL(fileURLWithPath: adapter.path + "/" + name)
      let whole = try Data(contentsOf: url)
      for length in stride(from: 0, to: whole.count, by: name.hasSuffix("json") ? 1 : 41) {
        try whole.prefix(length).write(to: url)
        #expect(throws: KingletError.self) { try Adapter(contentsOf: adapter.path) }
      }
      try whole.write(to: url)
    }
  }
}

@Suite struct AdapterBatches {
  /// Bits alone, in one pass beside others with other adapters, and on one thread.
  @Test(arguments: [KVType.f16, .q8_0]) func sequencesWithTheirOwnAdapters(_ type: KVType) throws {
    let (shared, alone) = (try tinyDecoder(), try tinyDecoder(threads: 1))
    let files = try (1...4).map { try ToyAdapter().loaded(seed: $0) }
    func applied(_ decoder: Decoder) throws -> [[AppliedAdapter]] {
      let adapters = try files.map { try decoder.adapter($0.updates) }
      return [
        [], [adapters[0].scaled(1)], [adapters[1].scaled(0.5)], [adapters[2].scaled(1), adapters[3].scaled(-0.3)], [],
        [adapters[0].scaled(1)],
      ]
    }
    let (beside, single) = (try applied(shared), try applied(alone))
    let sequences = beside.indices.map { Array(ids[$0..<($0 * 9 + 12)]) }
    let expected = try zip(sequences, single).map { tokens, adapters in
      var logits: [Float] = []
      try alone.forward(
        tokens[...], cache: alone.makeCache(capacity: 100, type: type), logits: &logits, adapters: adapters)
      return logits
    }
    #expect(Set(expected).count == expected.count)
    let caches = try sequences.map { _ in try shared.makeCache(capacity: 100, type: type) }
    var results = [[Float]](repeating: [], count: sequences.count)
    var pass = 0
    while zip(sequences, caches).contains(where: { $0.count > $1.count }) {
      let running = sequences.indices.filter { caches[$0].count < sequences[$0].count }
      let spans = running.map { index in
        SequenceSpan(
          sequences[index][caches[index].count...].prefix([1, 9, 3][(index + pass) % 3]), cache: caches[index],
          wanted: .logits, adapters: beside[index])
      }
      try shared.forward(spans) { (i, output) throws(KingletError) in
        if case .logits(let row) = output { results[running[i]] = row }
      }
      pass += 1
    }
    for index in results.indices { #expect(results[index] == expected[index], "sequence \(index)") }
  }

  @Test func nothingIsKeptOfAnAdapterThatNobodyHolds() throws {
    let model = try tinyDecoder()
    // One after another, likely at the same address: what a pass lays out for an adapter must not serve the next one.
    for seed in [1, 2, 3, 1] {
      weak var gone: LoadedAdapter?
      do {
        let updates = try ToyAdapter().loaded(seed: seed).updates
        let adapter = try model.adapter(updates)
        gone = adapter
        let other = try tinyDecoder()
        for _ in 0..<2 {
          let logits = try ids.map { try model.allLogits([$0], [adapter.scaled(1)]) }
          #expect(try logits == ids.map { try other.allLogits([$0], [other.adapter(updates).scaled(1)]) })
        }
      }
      #expect(gone == nil)
    }
  }

  @Test func severalAddUpAndTheBaseStaysAsItIs() throws {
    let decoder = try tinyDecoder()
    let plain = try decoder.allLogits(ids, [])
    let (a, b) = (try decoder.adapter(ToyAdapter().loaded(seed: 1).updates), try ToyAdapter().loaded(seed: 2))
    let both = try decoder.allLogits(ids, [a.scaled(0.5), decoder.adapter(b.updates).scaled(0.5)])
    #expect(both != plain)
    #expect(try decoder.allLogits(ids, [a.scaled(0.25), a.scaled(0.75)]) != plain)
    #expect(try decoder.allLogits(ids, []) == plain)
    let adapted = try decoder.adapted(by: [a.scaled(1)])
    #expect(try adapted.allLogits(ids, []) == decoder.allLogits(ids, [a.scaled(1)]))
    #expect(a.byteCount > 0)
  }
}
