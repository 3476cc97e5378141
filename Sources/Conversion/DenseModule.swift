import KingletErrors
import KingletFiles
import KingletGGUF
import KingletSafetensors

/// A projection that Sentence Transformers puts behind pooling: a folder with one matrix.
struct DenseModule {
  private let plan: TensorPlan
  private let weights: SafetensorsFolder

  /// - Parameters:
  ///   - folder: The folder of the module.
  ///   - name: What the GGUF file calls it, such as `dense_2`.
  /// - Throws: `.unsupported` for a bias or an activation, for which the format has no place; `.fileCorrupt`.
  init(folder: String, name: String) throws(KingletError) {
    let path = "\(folder)/config.json"
    let config = try JSONValue(contentsOf: path)
    guard config["bias"] == .bool(false) else {
      throw KingletError(.unsupported, "a projection with a bias is not converted", at: "\(path): bias")
    }
    guard let activation = config["activation_function"]?.string, activation.hasSuffix(".Identity") else {
      throw KingletError(
        .unsupported, "a projection with an activation is not converted", at: "\(path): activation_function")
    }
    weights = try SafetensorsFolder(path: folder)
    guard let matrix = weights.tensor(named: "linear.weight"), weights.tensors.count == 1, matrix.shape.count == 2
    else {
      throw KingletError(.fileCorrupt, "this is not the one matrix of a projection", at: "\(folder)/model.safetensors")
    }
    plan = try TensorPlan(matrix, name: "\(name).weight", change: .none)
  }

  /// The sizes, under the names that llama.cpp reads.
  var metadata: Metadata {
    let name = plan.name.prefix { $0 != "." }
    return [
      ("\(name)_feat_in", .uint32(UInt32(plan.shape[1]))), ("\(name)_feat_out", .uint32(UInt32(plan.shape[0]))),
    ]
  }

  func add(to writer: inout GGUFWriter, type: WeightType) throws(KingletError) {
    try plan.add(to: &writer, type: type.type(ofTensor: plan.name, shape: plan.shape), weights: weights)
  }
}
