// Adapters: low-rank fine-tunings (LoRA) as others keep them, PEFT's and MLX's folders and GGUF files, read into one form.
// What a file says that Kinglet does not apply is refused by name: an adapter is never silently wrong.

import KingletErrors
import KingletFiles
import KingletTransformer

/// An adapter as its file has it, before it has met a model.
///
/// ```swift
/// let legal = try model.load(Adapter(contentsOf: "adapters/legal"))
/// let reply = try await model.generate(prompt: "Define tort.", options: .init(adapters: [legal.scaled(0.8)])).collect()
/// ```
public struct Adapter: Sendable {
  public enum Format: String, Sendable {
    /// `adapter_config.json` and `adapter_model.safetensors`.
    case peft
    /// `adapter_config.json` and `adapters.safetensors`.
    case mlx
    case gguf
  }

  public let path: String
  public let format: Format
  /// `general.architecture` of the base, where the file tells.
  public let architecture: String?
  /// One for each tensor that it changes, in the order of their names.
  public let updates: [AdapterUpdate]

  /// Reads a PEFT folder, an MLX folder or a GGUF file.
  ///
  /// - Throws: `.fileNotFound`, `.fileCorrupt`; `.unsupported`, naming the field or the tensor, for what would change the
  ///   result and is not applied.
  public init(contentsOf path: String) throws(KingletError) {
    self.path = path
    let updates: [AdapterUpdate]
    if fileExists("\(path)/adapters.safetensors") {
      (format, architecture, updates) = (.mlx, nil, try readMLX(path))
    } else if fileExists("\(path)/adapter_model.safetensors") {
      (format, architecture, updates) = (.peft, nil, try readPEFT(path))
    } else if fileExists("\(path)/adapter_model.bin") || fileExists("\(path)/adapters.npz") {
      throw KingletError(
        .unsupported, "there are only pickled weights, which are programs and may do anything", at: path,
        remedy: "Save the adapter as safetensors: save_pretrained in peft does.")
    } else if fileExists("\(path)/adapter_config.json") {
      throw KingletError(
        .fileNotFound, "there is no adapter_model.safetensors and no adapters.safetensors", at: path,
        remedy: "Give the folder of an adapter, or a GGUF file.")
    } else {
      format = .gguf
      (architecture, updates) = try readGGUF(path)
    }
    guard !updates.isEmpty else { throw KingletError(.fileCorrupt, "the adapter changes nothing", at: path) }
    self.updates = updates.sorted { $0.tensor < $1.tensor }
  }
}

/// The two factors of an update, and what else the file has for the same module, as they are found.
struct ModuleParts {
  var a: (values: [Float], shape: [Int])?
  var b: (values: [Float], shape: [Int])?
  var magnitude: [Float]?
  var isEmbedding = false
}

/// The tensor that the format calls a module of Hugging Face.
///
/// - Throws: `.unsupported`, naming the module, for one that Kinglet does not adapt.
func tensorName(ofModule module: String) throws(KingletError) -> String {
  let parts = module.split(separator: ".")
  let names = [
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output", "gate_proj": "ffn_gate",
    "up_proj": "ffn_up", "down_proj": "ffn_down",
  ]
  let places = ["q_proj", "k_proj", "v_proj", "o_proj"]
  if parts.last == "lm_head" { return "output" }
  if parts.last == "embed_tokens" { return "token_embd" }
  if parts.count >= 4, let leaf = parts.last.map(String.init), let name = names[leaf],
    parts[parts.count - 2] == (places.contains(leaf) ? "self_attn" : "mlp"), parts[parts.count - 4] == "layers",
    let layer = Int(parts[parts.count - 3]), layer >= 0
  {
    return "blk.\(layer).\(name)"
  }
  throw KingletError(.unsupported, "the adapter changes a module that Kinglet does not adapt", at: module)
}
