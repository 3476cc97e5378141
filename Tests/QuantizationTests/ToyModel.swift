import KingletGGUF
import KingletQuants
import KingletTestSupport

/// Models of any shape without meaning, as `Fixtures/quantization/make.py` builds them.
struct ToyModel: Decodable {
  struct Types: Decodable {
    struct Layers: Decodable {
      let numbers: [Int]
      let types: [String: String]
    }
    let base: [String: String]
    let layers: [Layers]

    /// The type of each tensor by its full name.
    var byName: [String: String] {
      var all = base
      for group in layers {
        for number in group.numbers {
          for (name, type) in group.types { all["blk.\(number).\(name)"] = type }
        }
      }
      return all
    }
  }

  var layers = 2
  var heads = 2
  var key_heads = 2
  var hidden = 256
  var feed_forward = 512
  var tied = false
  var experts = 0
  var types: [String: Types] = [:]
  var with_importance: [String: Types] = [:]

  var shapes: [(name: String, dimensions: [Int])] {
    let keys = hidden * key_heads / heads
    var all = [("token_embd.weight", [hidden, 32]), ("output_norm.weight", [hidden])]
    if !tied { all.append(("output.weight", [hidden, 32])) }
    let suffix = experts > 0 ? "_exps.weight" : ".weight"
    let outer = experts > 0 ? [experts] : []
    for i in 0..<layers {
      let parts = [
        ("attn_norm.weight", [hidden]), ("attn_q.weight", [hidden, hidden]), ("attn_k.weight", [hidden, keys]),
        ("attn_v.weight", [hidden, keys]), ("attn_output.weight", [hidden, hidden]), ("ffn_norm.weight", [hidden]),
        ("ffn_gate" + suffix, [hidden, feed_forward] + outer), ("ffn_up" + suffix, [hidden, feed_forward] + outer),
        ("ffn_down" + suffix, [feed_forward, hidden] + outer),
      ]
      all += parts.map { ("blk.\(i)." + $0.0, $0.1) }
      if experts > 0 { all.append(("blk.\(i).ffn_gate_inp.weight", [hidden, experts])) }
    }
    return all
  }

  /// The file, with `values` for the elements of each tensor.
  func file(type: QuantType = .f32, values: (_ name: String, _ count: Int) -> [Float]) throws -> GGUFFile {
    var writer = GGUFWriter()
    writer["general.architecture"] = .string("llama")
    writer["general.file_type"] = .uint32(0)
    writer["llama.block_count"] = .uint32(UInt32(layers))
    writer["llama.attention.head_count"] = .uint32(UInt32(heads))
    writer["llama.attention.head_count_kv"] = .uint32(UInt32(key_heads))
    if experts > 0 { writer["llama.expert_count"] = .uint32(UInt32(experts)) }
    writer["tokenizer.ggml.tokens"] = .array(GGUFArray(["a", "b"]))
    for (name, dimensions) in shapes {
      let count = dimensions.reduce(1, *)
      let floats = values(name, count)
      let bytes =
        dimensions.count == 1 || type == .f32
        ? floats.withUnsafeBytes { Array($0) } : try quantized(floats, type)
      try writer.addTensor(
        name, dimensions: dimensions, type: dimensions.count == 1 ? .f32 : type, bytes: bytes)
    }
    return try GGUFFile(bytes: writer.encoded())
  }
}

/// One row of blocks.
func quantized(_ values: [Float], _ type: QuantType, importance: [Float]? = nil) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: type.byteCount(forElements: values.count) ?? 0)
  try bytes.withUnsafeMutableBytes { destination in
    try values.withUnsafeBufferPointer { source in
      guard let row = source.baseAddress, let start = destination.baseAddress else { return }
      guard let importance else { return try type.quantize(row, count: values.count, into: start) }
      try importance.withUnsafeBufferPointer {
        try type.quantize(row, count: values.count, importance: $0.baseAddress, into: start)
      }
    }
  }
  return bytes
}
