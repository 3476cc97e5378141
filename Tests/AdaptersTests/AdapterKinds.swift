import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletQuants
import KingletSafetensors
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// A tiny model of the fixtures, as it is or with other weights, all of them F32.
private struct TinyModel {
  let file: GGUFFile

  init(_ name: String) throws { file = try GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf")) }

  func tensor(_ name: String) throws -> GGUFTensor { try #require(file.tensor(named: name)) }

  func values(_ tensor: GGUFTensor) -> [Float] {
    file.withBytes(of: tensor) { bytes in
      stride(from: 0, to: bytes.count, by: 4).map { bytes.loadUnaligned(fromByteOffset: $0, as: Float.self) }
    }
  }

  /// The file with the changed tensors in place of its own.
  func replacing(_ changed: [String: [Float]]) throws -> GGUFFile {
    var writer = GGUFWriter()
    for key in file.metadata.keys { writer[key] = file.metadata[key] }
    for tensor in file.tensors {
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, floats: changed[tensor.name] ?? values(tensor))
    }
    for (name, values) in changed where file.tensor(named: name) == nil {
      try writer.addTensor(name, dimensions: try tensor("token_embd.weight").dimensions, floats: values)
    }
    return try GGUFFile(bytes: writer.encoded())
  }

  /// A random update of a matrix, in the row order of the file.
  func update(
    _ name: String, rank: Int, isDecomposed: Bool = false, random: inout SeededRandom
  ) throws -> AdapterUpdate {
    let d = try tensor(name + ".weight").dimensions
    return AdapterUpdate(
      tensor: name, rank: rank, a: random.floats(rank * d[0], deviation: 0.2),
      b: random.floats(rank * d[1], deviation: 0.2), scale: 0.7,
      magnitude: isDecomposed ? random.floats(d[1]).map { 1 + abs($0) } : nil, rowOrder: .stored)
  }

  /// `W + sum of strength (f (W + s B A) - W)`, in double precision.
  func merged(_ name: String, _ updates: [(AdapterUpdate, strength: Float)]) throws -> [Float] {
    let tensor = try tensor(name + ".weight")
    let (columns, base) = (tensor.dimensions[0], values(tensor).map(Double.init))
    var sum = base
    for (u, strength) in updates {
      for row in 0..<tensor.dimensions[1] {
        var own = Array(base[row * columns..<(row + 1) * columns])
        for k in 0..<u.rank {
          let factor = Double(u.scale) * Double(u.b[row * u.rank + k])
          for column in 0..<columns { own[column] += factor * Double(u.a[k * columns + column]) }
        }
        let length = own.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let factor = u.magnitude.map { Double($0[row]) / length } ?? 1
        for column in 0..<columns {
          let i = row * columns + column
          sum[i] += Double(strength) * (factor * own[column] - base[i])
        }
      }
    }
    return sum.map { Float($0) }
  }
}

private let ids: [Int32] = (0..<40).map { Int32($0 * 37 % 509 + 3) }
private let options = ComputeOptions(threads: 2, matmul: .simd)

private func decoder(_ file: GGUFFile) throws -> Decoder { try Decoder.load(file, options: .init(compute: options)) }

/// What adapters may hold, each against a model whose weights were changed in the same way.
@Suite struct AdapterKinds {
  private static let matrices = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]

  @Test(arguments: ["llama", "qwen2", "gemma3"], [false, true])
  func unmergedIsMerged(_ name: String, _ isDecomposed: Bool) throws {
    let model = try TinyModel(name)
    let plain = try decoder(model.file)
    var random = SeededRandom(3)
    var adapters: [[AdapterUpdate]] = []
    for rank in [3, 8] {
      var updates: [AdapterUpdate] = []
      for layer in 0..<plain.description.layers.count {
        for matrix in Self.matrices {
          updates.append(
            try model.update("blk.\(layer).\(matrix)", rank: rank, isDecomposed: isDecomposed, random: &random))
        }
      }
      adapters.append(updates)
    }
    for strengths in [[1], [0.5, -0.75]] as [[Float]] {
      let applied = try zip(adapters, strengths).map { try plain.adapter($0).scaled($1) }
      var changed: [String: [Float]] = [:]
      for i in adapters[0].indices {
        changed[adapters[0][i].tensor + ".weight"] = try model.merged(
          adapters[0][i].tensor, zip(adapters, strengths).map { ($0[i], $1) })
      }
      let expected = try decoder(model.replacing(changed)).allLogits(ids, [])
      let logits = try plain.allLogits(ids, applied)
      #expect(normalizedError(logits, expected) < 1e-9)
      // One token at a time: the projections of the updates then run within the phases of the products.
      let cache = try plain.makeCache(capacity: ids.count, type: .f32)
      var row: [Float] = []
      for id in ids { try plain.forward([id], cache: cache, logits: &row, adapters: applied) }
      #expect(row == Array(logits.suffix(plain.vocabularySize)))
    }
  }

  @Test(arguments: ["bert", "modern-bert"]) func encoders(_ name: String) throws {
    let model = try TinyModel(name)
    let encoder = try Encoder.load(model.file, compute: options)
    var random = SeededRandom(4)
    var updates: [AdapterUpdate] = []
    for tensor in model.file.tensors where tensor.name.hasPrefix("blk.") && tensor.dimensions.count == 2 {
      updates.append(try model.update(String(tensor.name.dropLast(".weight".count)), rank: 4, random: &random))
    }
    let changed = try updates.map { ($0.tensor + ".weight", try model.merged($0.tensor, [($0, 1)])) }
    let merged = try Encoder.load(model.replacing(Dictionary(uniqueKeysWithValues: changed)), compute: options)
    let adapted = try encoder.adapted(by: [encoder.adapter(updates).scaled(1)])
    let sequences = [ids, Array(ids.prefix(3)), Array(ids.dropFirst(5))]
    func hidden(_ encoder: Encoder, _ sequences: [[Int32]]) throws -> [[Float]] {
      var results: [[Float]] = []
      try encoder.forward(sequences, pooling: .none) { results.append($1) }
      return results
    }
    let results = try hidden(adapted, sequences)
    #expect(normalizedError(results.flatMap { $0 }, try hidden(merged, sequences).flatMap { $0 }) < 1e-9)
    for (i, sequence) in sequences.enumerated() { #expect(try hidden(adapted, [sequence])[0] == results[i]) }
    #expect(try hidden(encoder, sequences) != results)
    let other = try Encoder.load(model.file, compute: options)
    #expect(throws: KingletError.self) { try other.adapted(by: [encoder.adapter(updates).scaled(1)]) }
  }

  @Test func fusedMatricesAreThoseTheyAreMadeOf() throws {
    let model = try TinyModel("llama")
    let decoder = try decoder(model.file)
    var random = SeededRandom(5)
    for (fused, parts) in [
      ("attn_qkv", ["attn_q", "attn_k", "attn_v"]), ("ffn_gate_up", ["ffn_gate", "ffn_up"]),
      ("ffn_up", ["ffn_gate", "ffn_up"]),
    ] {
      let a = random.floats(2 * 64, deviation: 0.3)
      let split = try parts.map { part in
        let rows = try model.tensor("blk.1.\(part).weight").dimensions[1]
        return AdapterUpdate(
          tensor: "blk.1.\(part)", rank: 2, a: a, b: random.floats(2 * rows, deviation: 0.3), scale: 2,
          rowOrder: .halves)
      }
      let whole = AdapterUpdate(
        tensor: "blk.1.\(fused)", rank: 2, a: a, b: split.flatMap(\.b), scale: 2, rowOrder: .halves)
      let expected = try decoder.allLogits(ids, [decoder.adapter(split).scaled(1)])
      #expect(try decoder.allLogits(ids, [decoder.adapter([whole]).scaled(1)]) == expected, "\(fused)")
      #expect(try decoder.allLogits(ids, []) != expected)
    }
  }

  @Test func biases() throws {
    let model = try TinyModel("qwen2")
    let plain = try decoder(model.file)
    var random = SeededRandom(6)
    var (updates, changed): ([AdapterUpdate], [String: [Float]]) = ([], [:])
    for name in ["blk.0.attn_q", "blk.1.attn_k", "blk.1.attn_v"] {
      let bias = random.floats(try model.tensor(name + ".bias").elementCount)
      updates.append(AdapterUpdate(tensor: name, rank: 0, a: [], b: [], scale: 1, bias: bias, rowOrder: .halves))
      changed[name + ".bias"] = bias
    }
    let expected = try decoder(model.replacing(changed)).allLogits(ids, [])
    #expect(normalizedError(try plain.allLogits(ids, [plain.adapter(updates).scaled(1)]), expected) < 1e-10)
  }

  @Test(arguments: ["output", "token_embd"]) func tensorsSavedAsAWhole(_ name: String) throws {
    for model in ["llama", "llama-tied", "gemma3"] {
      let model = try TinyModel(model)
      let plain = try decoder(model.file)
      var random = SeededRandom(7)
      let whole = random.floats(try model.tensor("token_embd.weight").elementCount, deviation: 0.1)
      let adapter = try plain.adapter([
        AdapterUpdate(tensor: name, replacement: whole, columns: plain.description.hiddenSize, rowOrder: .halves)
      ])
      var changed = [name + ".weight": whole]
      // A tied head stays what it was.
      if model.file.tensor(named: "output.weight") == nil, name == "token_embd" {
        changed["output.weight"] = model.values(try model.tensor("token_embd.weight"))
      }
      let merged = try decoder(model.replacing(changed))
      #expect(normalizedError(try plain.allLogits(ids, [adapter.scaled(1)]), try merged.allLogits(ids, [])) < 1e-10)
      #expect(try plain.greedy(ids, 5, [adapter.scaled(1)]) == merged.greedy(ids, 5, []))
      let wrong = AdapterUpdate(tensor: name, replacement: [1, 2], columns: 2, rowOrder: .halves)
      #expect(throws: KingletError.self) { try plain.adapter([wrong]) }
      // As many weights, in rows of another length.
      let turned = AdapterUpdate(
        tensor: name, replacement: whole, columns: whole.count / plain.description.hiddenSize, rowOrder: .halves)
      let error = #expect(throws: KingletError.self) { try plain.adapter([turned]) }
      let (width, count) = (plain.description.hiddenSize, plain.vocabularySize)
      #expect(error?.message == "the adapter has \(width) x \(count) weights, the model \(count) x \(width)")
    }
  }

  /// mlx-lm multiplies by the adapted embedding where that is the head too.
  @Test(arguments: ["llama", "llama-tied"]) func embeddingsOfMLX(_ name: String) throws {
    let model = try TinyModel(name)
    let plain = try decoder(model.file)
    let scratch = try ScratchFolder()
    var random = SeededRandom(9)
    let (tokens, width, rank) = (plain.vocabularySize, plain.description.hiddenSize, 2)
    let a = random.floats(tokens * rank, deviation: 0.2)
    let b = random.floats(rank * width, deviation: 0.2)
    var writer = SafetensorsWriter()
    func add(_ name: String, _ shape: [Int], _ values: [Float]) throws {
      try writer.addTensor(
        "model.embed_tokens.\(name)", type: .f32, shape: shape, bytes: try #require(QuantType.f32.bytes(values)))
    }
    try add("lora_a", [tokens, rank], a)
    try add("lora_b", [rank, width], b)
    try writer.write(to: scratch.path + "/adapters.safetensors")
    try Data(#"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 0.5}}"#.utf8)
      .write(to: URL(fileURLWithPath: scratch.path + "/adapter_config.json"))

    let embedding = model.values(try model.tensor("token_embd.weight"))
    let changed = embedding.indices.map { i in
      let change = (0..<rank).reduce(0.0) { $0 + Double(a[i / width * rank + $1]) * Double(b[$1 * width + i % width]) }
      return Float(Double(embedding[i]) + 0.5 * change)
    }
    var tensors = ["token_embd.weight": changed]
    if plain.isTied { tensors["output.weight"] = changed }
    let expected = try decoder(model.replacing(tensors)).allLogits(ids, [])
    let adapter = try Adapter(contentsOf: scratch.path)
    #expect(normalizedError(try plain.allLogits(ids, [plain.load(adapter).scaled(1)]), expected) < 1e-10)

    // As what it is, it means the same whatever the base.
    _ = try adapter.write(to: scratch.path + "/mlx", as: .mlx, base: AdapterBase(model.file))
    let again = try Adapter(contentsOf: scratch.path + "/mlx")
    #expect(normalizedError(try plain.allLogits(ids, [plain.load(again).scaled(1)]), expected) < 1e-10)
    // To be written as another kind, it must be known what it means.
    #expect(throws: KingletError.self) { try adapter.write(to: scratch.path + "/none", as: .peft) }
    _ = try adapter.write(to: scratch.path + "/peft", as: .peft, base: AdapterBase(model.file))
    let written = try Adapter(contentsOf: scratch.path + "/peft")
    #expect(written.updates.map(\.tensor) == (plain.isTied ? ["output", "token_embd"] : ["token_embd"]))
    #expect(normalizedError(try plain.allLogits(ids, [plain.load(written).scaled(1)]), expected) < 1e-10)
  }

  @Test func tokensSwitchAnAdapterOn() throws {
    let model = try TinyModel("llama")
    let decoder = try decoder(model.file)
    var random = SeededRandom(8)
    let update = try model.update("blk.0.attn_v", rank: 4, random: &random)
    let (always, activated) = (try decoder.adapter([update]), try decoder.adapter([update], invocation: [7, 9]))
    let prompt = Array(ids.prefix(10)) + [7, 9] + Array(ids.dropFirst(10)) + [7, 9] + Array(ids.prefix(5))
    let applied = activated.scaled(1).starting(in: prompt)
    #expect(applied.start == 42, "the last time")
    #expect(activated.scaled(1).starting(in: ids).start == .max && always.scaled(1).start == 0)
    let (plain, logits) = (try decoder.allLogits(prompt, []), try decoder.allLogits(prompt, [applied]))
    let width = decoder.vocabularySize
    #expect(logits.prefix(42 * width) == plain.prefix(42 * width), "what comes before is the base's")
    #expect(logits.suffix(width) != plain.suffix(width))
    #expect(try decoder.allLogits(ids, [activated.scaled(1).starting(in: ids)]) == decoder.allLogits(ids, []))
    // From the first token on it is the adapter that is always on.
    let marked = [7, 9] + ids
    #expect(
      try decoder.allLogits(marked, [activated.scaled(1).starting(in: marked)])
        == decoder.allLogits(marked, [always.scaled(1)]))
    // Nobody has looked at the prompt.
    #expect(throws: KingletError.self) { try decoder.allLogits(prompt, [activated.scaled(1)]) }
    // What two requests compute in the same way.
    #expect([applied].commonLength(with: []) == 42 && [applied].commonLength(with: [applied]) == .max)
    #expect([always.scaled(1)].commonLength(with: [applied]) == 0)
    #expect([always.scaled(1)].commonLength(with: [always.scaled(0.5)]) == 0)
    #expect([AppliedAdapter]().commonLength(with: []) == .max)
  }
}
