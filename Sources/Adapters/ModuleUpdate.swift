import KingletErrors
import KingletTransformer

/// The module of Hugging Face that the format calls `tensor`: the reverse of `tensorName(ofModule:)`.
///
/// - Throws: `.unsupported`, naming the tensor, for one that Kinglet does not adapt.
func moduleName(ofTensor tensor: String) throws(KingletError) -> String {
  let modules = [
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_qkv": "self_attn.qkv_proj", "ffn_gate_up": "mlp.gate_up_proj",
  ]
  switch tensor {
  case "output": return "lm_head"
  case "token_embd": return "model.embed_tokens"
  default:
    let parts = tensor.split(separator: ".").map(String.init)
    guard parts.count == 3, parts[0] == "blk", let layer = Int(parts[1]), let module = modules[parts[2]] else {
      throw KingletError(.unsupported, "Kinglet knows no module of this name", at: tensor)
    }
    return "model.layers.\(layer).\(module)"
  }
}

/// An update and the module that it is of.
struct ModuleUpdate {
  let module: String
  let update: AdapterUpdate

  /// The number of its layer; nil for modules of none.
  var layer: Int? { place.map { $0.layer } }
  /// Its name within a layer, such as `self_attn.q_proj`; of modules of no layer all of it.
  var nameInLayer: String { place.map { $0.name } ?? module }
  /// Its last name, such as `q_proj`.
  var leaf: String { module.split(separator: ".").last.map(String.init) ?? module }

  private var place: PlaceInLayer? { PlaceInLayer(ofModule: module) }
}
