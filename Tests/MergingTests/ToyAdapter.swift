import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer

/// The reference adapters, and the base of the tiny ones.
enum GoldenAdapter {
  static let root = Shared.path("golden/lora/tiny")
  static let basePath = Shared.path("golden/arch/llama/model.gguf")
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted()

  static func load(_ name: String) throws -> Adapter {
    let file = "\(root)/\(name)/adapter.gguf"
    return try Adapter(contentsOf: FileManager.default.fileExists(atPath: file) ? file : "\(root)/\(name)")
  }
}

let ids: [Int32] = (0..<70).map { Int32($0 * 37 % 509 + 3) }

func decoder(_ path: String) throws -> Decoder {
  try Decoder.load(GGUFFile(path: path), options: .init(compute: .init(activations: .f32, matmul: .simd)))
}

extension Decoder {
  func logits(_ adapters: [(Adapter, Float)] = []) throws -> [Float] {
    let applied = try adapters.map { try adapter($0.0.updates).scaled($0.1) }
    var result: [Float] = []
    try forward(ids[...], cache: makeCache(capacity: ids.count, type: .f32), adapters: applied) { _, row in
      row.withUnsafeBufferPointer { result += $0 }
    }
    return result
  }
}

/// Bytes of a tensor.
func bytes(of name: String, in path: String) throws -> [UInt8] {
  let file = try GGUFFile(path: path)
  guard let tensor = file.tensor(named: name) else { throw KingletError(.invalidArgument, "no tensor", at: name) }
  return file.withBytes(of: tensor) { Array($0) }
}

/// An update with random factors, for a base with random weights.
func update(
  _ tensor: String, rows: Int, columns: Int, rank: Int = 2, scale: Float = 1, seed: UInt64 = 1,
  isDecomposed: Bool = false
) -> AdapterUpdate {
  var random = SeededRandom(seed)
  let (a, b) = (random.floats(rank * columns, deviation: 0.2), random.floats(rows * rank, deviation: 0.2))
  return AdapterUpdate(
    tensor: tensor, rank: rank, a: tensor == "token_embd" ? b : a, b: tensor == "token_embd" ? a : b, scale: scale,
    magnitude: isDecomposed ? random.floats(rows, deviation: 1).map { abs($0) + 0.5 } : nil, rowOrder: .halves)
}

/// Updates of every kind of tensor of a base.
func wholeAdapter(of base: GGUFFile, seed: UInt64, isDecomposed: Bool) throws -> Adapter {
  let layer = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"].map { "blk.0.\($0)" }
  var updates: [AdapterUpdate] = []
  for name in layer + ["output", "token_embd"] {
    let stored = base.tensor(named: name + ".weight") ?? base.tensor(named: "token_embd.weight")
    guard let dimensions = stored?.dimensions else { throw KingletError(.invalidArgument, "no tensor", at: name) }
    updates.append(
      update(
        name, rows: dimensions[1], columns: dimensions[0], scale: 0.7, seed: seed,
        isDecomposed: isDecomposed && name != "token_embd"))
  }
  return Adapter(updates, named: "adapter \(seed)")
}
