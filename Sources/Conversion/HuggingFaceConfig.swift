import KingletErrors
import KingletFiles

/// `config.json` of a Hugging Face folder, with bounds on what is believed.
///
/// Where a key has changed its name over the versions of transformers, callers give all names, the newest first. A model
/// that is more than text keeps what concerns the text under `text_config`, which is looked into first. A key whose value
/// is null counts as absent.
struct HuggingFaceConfig: Sendable {
  private let path: String
  private let root: JSONValue

  /// Reads `config.json` in `folder`.
  init(folder: String) throws(KingletError) {
    path = "\(folder)/config.json"
    root = try JSONValue(contentsOf: path)
  }

  /// The value of the first of `keys` that has one.
  subscript(keys: [String]) -> JSONValue? {
    for key in keys {
      for object in [root["text_config"], root] {
        if let value = object?[key], value != .null { return value }
      }
    }
    return nil
  }

  subscript(key: String) -> JSONValue? { self[[key]] }

  /// A size or a count: 0 to 2^31 - 1, which is what fits the format. Nil where there is none.
  func integer(_ keys: String...) throws(KingletError) -> Int? { try integer(keys) }

  func integer(_ keys: [String]) throws(KingletError) -> Int? {
    guard let value = self[keys] else { return nil }
    guard let integer = value.integer, (0...Int(Int32.max)).contains(integer) else { throw wrong(keys, "no size") }
    return integer
  }

  func requiredInteger(_ keys: String...) throws(KingletError) -> Int {
    guard let value = try integer(keys) else { throw missing(keys) }
    return value
  }

  /// A positive, finite number; nil where there is none.
  func positive(_ keys: String...) throws(KingletError) -> Float? { try positive(keys) }

  func positive(_ keys: [String]) throws(KingletError) -> Float? {
    guard let value = self[keys] else { return nil }
    guard let number = value.number, number > 0, number < Double(Float.greatestFiniteMagnitude) else {
      throw wrong(keys, "no positive number")
    }
    return Float(number)
  }

  func requiredPositive(_ keys: String...) throws(KingletError) -> Float {
    guard let value = try positive(keys) else { throw missing(keys) }
    return value
  }

  /// Whether the key is there and true.
  func isTrue(_ key: String) throws(KingletError) -> Bool {
    guard let value = self[key] else { return false }
    guard let flag = value.bool else { throw wrong([key], "neither true nor false") }
    return flag
  }

  /// Refuses a model whose `keys` say something that its architecture has no place for in a GGUF file.
  ///
  /// - Throws: `.unsupported`, naming the key, when the value is there and none of `allowed`.
  func require(_ keys: String..., in allowed: [JSONValue]) throws(KingletError) {
    guard let value = self[keys], !allowed.contains(value) else { return }
    throw unsupported(keys, "the value is not supported by this architecture of the format")
  }

  /// Class name in transformers, such as `LlamaForCausalLM`.
  func modelClass() throws(KingletError) -> String {
    // Always of the whole model: a part has no class of its own here.
    guard let names = root["architectures"]?.array, names.count == 1, let name = names[0].string else {
      throw KingletError(
        .fileCorrupt, "there is not one class of model", at: "\(path): architectures",
        remedy: "Save the model with save_pretrained of transformers")
    }
    return name
  }

  /// Names of the classes that a classifier tells apart, in order; empty where there are none.
  func labels() throws(KingletError) -> [String] {
    var labels: [String] = []
    for member in self["id2label"]?.members ?? [] {
      guard let label = member.value.string else { throw wrong(["id2label"], "no map from numbers to names") }
      labels.append(label)
    }
    return labels
  }

  func missing(_ keys: [String]) -> KingletError {
    KingletError(.fileCorrupt, "the key is missing", at: "\(path): \(keys.joined(separator: " or "))")
  }

  func wrong(_ keys: [String], _ what: String) -> KingletError {
    KingletError(.fileCorrupt, "the value is \(what)", at: "\(path): \(keys.joined(separator: " or "))")
  }

  func unsupported(_ keys: [String], _ message: String) -> KingletError {
    KingletError(.unsupported, message, at: "\(path): \(keys.joined(separator: " or "))")
  }
}
