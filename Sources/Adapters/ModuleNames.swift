import KingletErrors

/// What the format calls the modules of a layer, by the ends of their paths at Hugging Face, behind `layers.N.` or
/// `layer.N.`.
private let tensorNames = [
  "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv",
  "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_gate_up",
  // BERT and its family.
  "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
  "attention.output.dense": "attn_output", "intermediate.dense": "ffn_up", "output.dense": "ffn_down",
  "mlp.gated_layers": "ffn_gate_up", "mlp.wo": "ffn_down",
  // ModernBERT and Nomic's.
  "attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "attn.out_proj": "attn_output", "mlp.Wi": "ffn_gate_up",
  "mlp.Wo": "ffn_down", "mlp.fc11": "ffn_up", "mlp.fc12": "ffn_gate", "mlp.fc2": "ffn_down",
]

/// The tensor that the format calls a module of Hugging Face.
///
/// - Throws: `.unsupported`, naming the module, for one that Kinglet does not adapt.
func tensorName(ofModule module: String) throws(KingletError) -> String {
  switch module.split(separator: ".").last {
  case "lm_head": return "output"
  case "embed_tokens", "word_embeddings", "tok_embeddings": return "token_embd"
  default: break
  }
  if let place = PlaceInLayer(ofModule: module), let name = tensorNames[place.name] {
    return "blk.\(place.layer).\(name)"
  }
  throw KingletError(
    .unsupported, "the adapter changes a module that Kinglet does not adapt", at: module,
    remedy: Remedy.merge(orTrainWithout: "this module"))
}

/// Which layer a module of Hugging Face is in, and its path there, such as `self_attn.q_proj`.
struct PlaceInLayer {
  let layer: Int
  let name: String

  /// Nil for modules outside of layers.
  init?(ofModule module: String) {
    let parts = module.split(separator: ".")
    guard let mark = parts.lastIndex(where: { $0 == "layers" || $0 == "layer" }), mark + 2 < parts.count,
      let layer = Int(parts[mark + 1]), layer >= 0
    else { return nil }
    self.layer = layer
    name = parts[(mark + 2)...].joined(separator: ".")
  }
}
