// Conversion: models as Hugging Face keeps them (a folder of safetensors and JSON) become GGUF files, as llama.cpp's
// converter defines them: metadata, names and the layout of weights. `Architectures/` holds one small file for each
// family, which only describes what becomes of its settings and tensors.

import KingletErrors
import KingletFiles
import KingletGGUF
import KingletSafetensors

/// A model in a Hugging Face folder: `config.json`, safetensors, a tokenizer, and for embedders `modules.json`.
///
/// ```swift
/// let model = try HuggingFaceModel(folder: "all-MiniLM-L6-v2")
/// try model.write(to: "minilm.gguf", type: .q8_0)
/// ```
public struct HuggingFaceModel: Sendable {
  /// The path of the folder.
  public let folder: String
  /// `general.architecture` of the GGUF file.
  public var architecture: String { description.name }
  /// The type that loses nothing: that of the weights in the folder, F32 where they are of several.
  public let storedType: WeightType
  /// How many numbers the model has learned.
  public var parameterCount: Int { plans.reduce(0) { $0 + $1.shape.reduce(1, *) } }

  private let description: Architecture
  private let weights: SafetensorsFolder
  private let plans: [TensorPlan]
  private let dense: [DenseModule]
  private let metadata: Metadata

  /// Opens the model in `folder` and checks that all of it can be converted; no weights are read yet.
  ///
  /// - Throws: `.unsupported` when the architecture, a setting, a module or a tensor has no place in a GGUF file that
  ///   Kinglet runs; `.fileNotFound` or `.fileCorrupt`, naming file and key or tensor, when the folder is not complete
  ///   and sound.
  public init(folder: String) throws(KingletError) {
    let config = try HuggingFaceConfig(folder: folder)
    let description = try Architecture.describe(config)
    let weights = try SafetensorsFolder(path: folder)
    let layerCount = try config.requiredInteger("num_hidden_layers", "n_layer")
    // A layer has more than one tensor, so this bounds the work that a number in a file can cause.
    guard layerCount <= weights.tensors.count else { throw config.wrong(["num_hidden_layers"], "beyond the tensors") }
    plans = try description.plans(for: weights, layerCount: layerCount)
    var metadata = description.metadata.map { (key: "\(description.name).\($0.key)", value: $0.value) }
    let modules = try SentenceModules(folder: folder)
    if let modules { metadata += modules.metadata(of: description.name) }
    dense = try description.dense(modules?.denseFolders ?? [])
    metadata += dense.flatMap(\.metadata).map { (key: "\(description.name).\($0.key)", value: $0.value) }
    metadata += try description.tokenizerMetadata(folder: folder, plans: plans)
    self.folder = folder
    self.description = description
    self.weights = weights
    self.metadata = metadata
    storedType = WeightType(keeping: plans.map(\.source))
  }

  /// Writes the model as a GGUF file, replacing what is at `path` only once all is written.
  ///
  /// Weights are read and written a few megabytes at a time.
  ///
  /// - Parameters:
  ///   - type: How weights are stored; by default as in the folder.
  ///   - progress: Told the fraction that is written, every few megabytes.
  ///   - isCancelled: Asked as often; when it returns true, the writing ends and nothing is left behind.
  /// - Throws: `.fileUnreadable` when the file cannot be written, `.cancelled`.
  public func write(
    to path: String, type: WeightType? = nil, progress: @escaping (Double) -> Void = { _ in },
    isCancelled: @escaping () -> Bool = { false }
  ) throws(KingletError) {
    try writer(type: type ?? storedType).write(to: path, progress: progress, isCancelled: isCancelled)
  }

  /// The file that `write` writes, before any weight is read.
  func writer(type: WeightType) throws(KingletError) -> GGUFWriter {
    var writer = GGUFWriter()
    writer["general.architecture"] = .string(architecture)
    writer["general.type"] = .string("model")
    writer["general.name"] = .string(title(ofFolder: folder))
    writer["general.size_label"] = .string(sizeLabel(parameterCount))
    writer["general.file_type"] = .uint32(type.fileType)
    writer["general.quantization_version"] = .uint32(2)
    for (key, value) in metadata { writer[key] = value }
    for tensor in description.computed {
      try writer.addTensor(tensor.name, dimensions: [tensor.values.count], floats: tensor.values)
    }
    for plan in plans {
      try plan.add(to: &writer, type: type.type(ofTensor: plan.name, shape: plan.shape), weights: weights)
    }
    for module in dense { try module.add(to: &writer, type: type) }
    return writer
  }
}

extension SentenceModules {
  /// The metadata of a file of `architecture`. What the format has no key for is kept under Kinglet's own name.
  fileprivate func metadata(of architecture: String) -> Metadata {
    var metadata: Metadata = []
    if let pooling { metadata.append(("\(architecture).\(Pooling.key)", .uint32(pooling.rawValue))) }
    metadata.append(("kinglet.embedding.normalize", .bool(isNormalized)))
    if let longestInput { metadata.append(("kinglet.embedding.max_tokens", .uint32(UInt32(longestInput)))) }
    return metadata
  }
}

extension Architecture {
  fileprivate func dense(_ folders: [String]) throws(KingletError) -> [DenseModule] {
    guard folders.count <= projections.count else {
      throw KingletError(
        .unsupported, "a \(name) model has no place for this projection", at: folders[projections.count])
    }
    var modules: [DenseModule] = []
    for (folder, name) in zip(folders, projections) { modules.append(try DenseModule(folder: folder, name: name)) }
    return modules
  }

  /// The tokenizer, and what must be known of tokens besides.
  fileprivate func tokenizerMetadata(folder: String, plans: [TensorPlan]) throws(KingletError) -> Metadata {
    let size = plans.first { $0.name == "token_embd.weight" }?.shape[0] ?? 0
    var metadata: Metadata = try TokenizerConversion.metadata(
      folder: folder, vocabularySize: size, architecture: name)
    if metadata.isEmpty {
      metadata = [("tokenizer.ggml.model", .string("no_vocab")), ("\(name).vocab_size", .uint32(UInt32(size)))]
    }
    if let tokenTypeCount { metadata.append(("tokenizer.ggml.token_type_count", .uint32(UInt32(tokenTypeCount)))) }
    return metadata
  }
}
