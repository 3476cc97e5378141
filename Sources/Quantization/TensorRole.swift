import KingletGGUF

/// What a tensor does in a model, as far as the choice of its type goes.
enum TensorRole {
  case embedding
  case head
  /// The values of attention, alone or fused with queries and keys: few weights on which much depends.
  case attentionValue
  case attentionKey
  case attentionOutput
  case feedForwardDown
  case other

  init(name: String) {
    let parts: [(String, TensorRole)] = [
      ("attn_qkv.weight", .attentionValue), ("attn_kv_b.weight", .attentionValue), ("attn_v.weight", .attentionValue),
      ("attn_k.weight", .attentionKey), ("attn_output.weight", .attentionOutput), ("ffn_down", .feedForwardDown),
    ]
    switch name {
    case "output.weight": self = .head
    case "token_embd.weight", "per_layer_token_embd.weight": self = .embedding
    default: self = parts.first { name.contains($0.0) }?.1 ?? .other
    }
  }
}

extension GGUFTensor {
  /// Whether the tensor is of the kind that is quantised: a matrix of weights, neither small nor delicate.
  ///
  /// The exceptions are llama.cpp's.
  var isQuantizable: Bool {
    let significant = dimensions.reversed().drop { $0 == 1 }
    return significant.count >= 2 && name.hasSuffix("weight")
      && !["position_embd.weight", "token_types.weight"].contains(name)
      && !Self.delicateParts.contains { name.contains($0) }
  }

  private static let delicateParts = [
    "_norm.weight", "ffn_gate_inp.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d",
    "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_first.weight",
    "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight", "time_mix_v1.weight",
    "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight",
    "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight",
    "attn_rel_b.weight", ".position_embd", ".rel_pos", ".patch_embd", ".patch_merger",
  ]

  /// The number of the layer the tensor belongs to; nil for those of no layer.
  var layer: Int? {
    guard name.hasPrefix("blk.") else { return nil }
    return Int(name.dropFirst(4).prefix { $0.isASCII && $0.isNumber })
  }
}
