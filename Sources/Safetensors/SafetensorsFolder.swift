import KingletErrors
import KingletFiles

/// The weights of a model's folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
public final class SafetensorsFolder: Sendable {
  /// The path of the folder.
  public let path: String
  /// The files, in the order of their names.
  public let files: [SafetensorsFile]
  /// The tensors of all files, file by file.
  public let tensors: [SafetensorsTensor]

  private let places: [String: (file: Int, tensor: Int)]

  /// Opens and validates the weights in the folder at `path`.
  ///
  /// - Throws: What `SafetensorsFile` throws; `.fileCorrupt` when the shards are not what the index says; `.unsupported`
  ///   when there are only pickled weights; `.fileNotFound` when there are none.
  public init(path: String) throws(KingletError) {
    var files: [SafetensorsFile] = []
    var tensors: [SafetensorsTensor] = []
    var places: [String: (file: Int, tensor: Int)] = [:]
    let (names, index) = try Self.fileNames(in: path)
    for name in names {
      let file = try SafetensorsFile(path: "\(path)/\(name)")
      for tensor in file.tensors {
        guard places.updateValue((files.count, tensors.count), forKey: tensor.name) == nil else {
          throw KingletError(.fileCorrupt, "the tensor \(quoted(tensor.name)) is in another shard too", at: file.path)
        }
        tensors.append(tensor)
      }
      files.append(file)
    }
    for (tensor, shard) in index where places[tensor].map({ names[$0.file] }) != shard {
      throw KingletError(
        .fileCorrupt, "the index has \(quoted(tensor)) in \(quoted(shard)), which does not contain it",
        at: "\(path)/\(indexName)", remedy: incompleteFileRemedy)
    }
    self.path = path
    self.files = files
    self.tensors = tensors
    self.places = places
  }

  /// The tensor called `name`, or nil when there is none.
  public func tensor(named name: String) -> SafetensorsTensor? {
    places[name].map { tensors[$0.tensor] }
  }

  /// Calls `body` with the bytes of `tensor`, which must be one of this folder's. The pointer is valid during the call.
  public func withBytes<R, E>(
    of tensor: SafetensorsTensor, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    guard let place = places[tensor.name] else { preconditionFailure("a tensor of another folder") }
    return try files[place.file].withBytes(of: tensor, body)
  }

  /// Gives the memory of all bytes read so far back to the system.
  public func releasePages() { for file in files { file.releasePages() } }

  /// The files to open, and for sharded weights which tensor must be in which of them.
  private static func fileNames(in path: String) throws(KingletError) -> ([String], index: [(String, String)]) {
    if fileExists("\(path)/\(indexName)") {
      let index = try shards("\(path)/\(indexName)")
      return (Set(index.map(\.1)).sorted(), index)
    }
    if fileExists("\(path)/model.safetensors") { return (["model.safetensors"], []) }
    if fileExists("\(path)/pytorch_model.bin") || fileExists("\(path)/pytorch_model.bin.index.json") {
      throw KingletError(
        .unsupported, "there are only pickled weights (pytorch_model.bin), which are programs and may do anything",
        at: path, remedy: "Save the model as safetensors: save_pretrained in transformers does")
    }
    throw KingletError(
      .fileNotFound, "there are no weights: neither model.safetensors nor \(indexName)", at: path,
      remedy: "Give the folder of a Hugging Face model")
  }

  private static func shards(_ path: String) throws(KingletError) -> [(String, String)] {
    let key = "weight_map"
    guard let members = try JSONValue(contentsOf: path)[key]?.members, !members.isEmpty else {
      throw KingletError(.fileCorrupt, "there is no map from tensors to files", at: "\(path): \(key)")
    }
    var shards: [(String, String)] = []
    for member in members {
      // A name, not a path: an index must not lead out of its folder.
      guard let name = member.value.string, name.hasSuffix(".safetensors"), !name.utf8.contains(UInt8(ascii: "/"))
      else {
        throw KingletError(
          .fileCorrupt, "\(quoted(member.key)) is in no .safetensors file of the folder", at: "\(path): \(key)")
      }
      shards.append((member.key, name))
    }
    return shards
  }
}

private let indexName = "model.safetensors.index.json"
