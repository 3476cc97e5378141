import KingletErrors
import KingletFiles
import KingletQuants
import KingletSafetensors
import KingletTransformer

extension Adapter {
  /// Writes the adapter in a format: a new folder for PEFT and MLX, a file for GGUF. The effect of each update is the
  /// same; what the format cannot say of a scale is folded into B, rounded to single precision.
  ///
  /// - Parameters:
  ///   - path: Of the folder or file to be made. A file is replaced only when all is written; of folders none that has
  ///     anything in it.
  ///   - base: The model it belongs to. Needed where it settles names, the order of rows, or whether the other engine
  ///     would understand the adapter as it is meant; what is given must fit.
  /// - Returns: What was put differently than the adapter had it, as sentences.
  /// - Throws: `.unsupported`, naming the tensor, for what has no place in the format; `.invalidArgument` when a base is
  ///   needed, does not fit, or the path is that of the adapter; `.fileUnreadable` when it cannot be written.
  public func write(to path: String, as format: Format, base: AdapterBase? = nil) throws(KingletError) -> [String] {
    try base?.check(self)
    guard !isRead(from: path) else {
      throw KingletError(
        .invalidArgument, "the adapter would be written over itself", at: path, remedy: "Name another place")
    }
    let merging = "Merge the adapter into its base (kinglet lora merge)"
    if let update = updates.first(where: { $0.rank < 1 || $0.a.isEmpty || $0.b.isEmpty || $0.bias != nil }) {
      throw KingletError(
        .unsupported, "a bias, or a tensor that was saved as a whole, is not written to another format",
        at: "\(self.path): \(update.tensor)", remedy: merging)
    }
    guard invocation.isEmpty || format != .mlx else {
      throw KingletError(.unsupported, "MLX has no adapters that tokens switch on", at: self.path)
    }
    switch format {
    case .peft: return try writePEFT(resolved(base), to: path, base)
    case .mlx: return try writeMLX(self, to: path, base)
    case .gguf: return try writeGGUF(resolved(base), to: path, base)
    }
  }

  /// Whether the adapter comes from what is at `path`.
  package func isRead(from path: String) -> Bool {
    let names = ["", "/adapter_config.json", "/adapter_model.safetensors", "/adapters.safetensors"]
    return names.contains { areSameFile(self.path + $0, path) }
  }

  /// An adapter that is in no file: `name` stands for its path.
  package init(_ updates: [AdapterUpdate], named name: String) {
    path = name
    format = .peft
    architecture = nil
    invocation = []
    self.updates = updates.sorted { $0.tensor < $1.tensor }
  }

  /// The updates by modules, rows as Hugging Face has them.
  func modules(_ base: AdapterBase?) throws(KingletError) -> [ModuleUpdate] {
    var modules: [ModuleUpdate] = []
    for update in updates {
      let module = try moduleName(ofTensor: update.tensor)
      if let base {
        modules.append(ModuleUpdate(module: module, update: base.arranged(update, as: .halves)))
        continue
      }
      guard update.rowOrder == .halves || !update.isRotated else {
        throw KingletError(
          .invalidArgument, "the order of its rows depends on the heads of the base",
          at: "\(self.path): \(update.tensor)",
          remedy: "Name the base model too (--base)")
      }
      modules.append(ModuleUpdate(module: module, update: update))
    }
    return modules
  }

  /// Whether all updates are weight-decomposed, or none.
  ///
  /// - Throws: `.unsupported` for a mixture, which no format can say.
  func isWeightDecomposed() throws(KingletError) -> Bool {
    guard let first = updates.first?.magnitude, !updates.contains(where: { $0.magnitude == nil }) else {
      if let update = updates.first(where: { $0.magnitude != nil }) {
        throw KingletError(
          .unsupported, "the format cannot say that some updates are weight-decomposed (DoRA) and others are not",
          at: "\(path): \(update.tensor)")
      }
      return false
    }
    return !first.isEmpty
  }

  /// What its configuration says the base is called.
  var baseName: JSONValue? {
    guard format != .gguf, let config = try? JSONValue(contentsOf: "\(path)/adapter_config.json") else { return nil }
    return config[format == .peft ? "base_model_name_or_path" : "model"]
  }
}

/// The narrowest of single, half and brain precision that holds all values as they are.
struct FloatStorage {
  let type: SafetensorsType

  init(_ arrays: [[Float]]) {
    type = [SafetensorsType.f16, .bf16].first { type in arrays.allSatisfy { type.holds($0) } } ?? .f32
  }

  func add(_ name: String, shape: [Int], _ values: [Float], to writer: inout SafetensorsWriter) throws(KingletError) {
    try writer.addTensor(name, type: type, shape: shape, bytes: type.encoded(values))
  }
}

extension SafetensorsType {
  fileprivate func encoded(_ values: [Float]) -> [UInt8] { quantType?.bytes(values) ?? [] }

  fileprivate func holds(_ values: [Float]) -> Bool {
    encoded(values).withUnsafeBytes { quantType?.floats($0) == values }
  }
}

/// The value that most have; of several the smallest.
func mostFrequent<Value: Hashable & Comparable>(_ values: [Value]) -> Value? {
  Dictionary(grouping: values) { $0 }.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
}

extension JSONValue {
  /// An object of the members that are there.
  static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(members.compactMap { member in member.value.map { Member(key: member.key, value: $0) } })
  }

  /// A number, as a whole one where it is.
  static func exact(_ value: Double) -> JSONValue { Int(exactly: value).map { .integer($0) } ?? .number(value) }
}

extension ReplacementFolder {
  /// Writes a text file into the folder.
  func write(_ text: String, as name: String) throws(KingletError) {
    let file = try ReplacementFile(at: place(of: name))
    try Array(text.utf8).withBytes(file.write)
    try file.commit()
  }
}
