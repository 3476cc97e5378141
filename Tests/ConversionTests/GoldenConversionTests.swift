import Foundation
import KingletConversion
import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

/// The golden models were converted by llama.cpp's converter; what we convert must be what it converts.
@Suite("Conversion against the golden models", .enabled(if: Shared.isPresent, "needs the reference data in ../shared"))
final class GoldenConversionTests {
  private let folder = NSTemporaryDirectory() + "/kinglet-\(UUID().uuidString)"
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private static let names = [
    "llama", "llama-tied", "qwen2", "qwen3", "gemma3", "bert", "xlm-roberta", "nomic-bert", "modern-bert",
    "jina-bert-v2", "gemma-embedding", "qwen3-embedding",
  ]

  @Test("Metadata and tensors are those of the reference", arguments: names)
  func equality(name: String) throws {
    let source = try GoldenFolder(name, in: folder)
    let path = folder + "/\(name).gguf"
    try HuggingFaceModel(folder: source.path).write(to: path)
    let (ours, golden) = (try GGUFFile(path: path), source.golden)

    for key in golden.metadata.keys where !key.hasPrefix("tokenizer.") && key != "general.name" {
      #expect(ours.metadata[key] == golden.metadata[key], "\(key)")
    }
    #expect(ours.metadata["tokenizer.ggml.token_type_count"] == golden.metadata["tokenizer.ggml.token_type_count"])
    #expect(Set(ours.tensors.map(\.name)) == Set(golden.tensors.map(\.name)))
    for tensor in golden.tensors {
      let mine = try #require(ours.tensor(named: tensor.name))
      #expect(mine.dimensions == tensor.dimensions && mine.type == tensor.type, "\(tensor.name)")
      let (a, b) = (ours.withBytes(of: mine) { Array($0) }, golden.withBytes(of: tensor) { Array($0) })
      // What one was taken from by the test, and is added to by the converter, comes back rounded.
      if name.hasPrefix("gemma"), tensor.name.contains("norm") {
        #expect(zip(floats(a), floats(b)).allSatisfy { abs($0 - $1) < 1e-6 }, "\(tensor.name)")
      } else {
        #expect(a == b, "\(tensor.name)")
      }
    }
  }

  @Test("Projections behind pooling are converted")
  func projections() throws {
    let source = try GoldenFolder("gemma-embedding", in: folder)
    let width = try #require(source.golden.metadata["gemma-embedding.embedding_length"]?.integer)
    try source.addProjections([(48, width), (24, 48)])
    let path = folder + "/projected.gguf"
    try HuggingFaceModel(folder: source.path).write(to: path)
    let file = try GGUFFile(path: path)
    #expect(file.metadata["gemma-embedding.dense_2_feat_in"] == .uint32(UInt32(width)))
    #expect(file.metadata["gemma-embedding.dense_3_feat_out"] == .uint32(24))
    #expect(file.tensor(named: "dense_2.weight")?.dimensions == [width, 48])
    #expect(file.tensor(named: "dense_3.weight")?.dimensions == [48, 24])

    try source.addProjections([(48, width), (24, 48), (24, 24)])
    let tooMany = #expect(throws: KingletError.self) { try HuggingFaceModel(folder: source.path) }
    #expect(tooMany?.code == .unsupported && tooMany?.location?.contains("4_Dense") == true)
    for config in [
      #"{"bias": true, "activation_function": "torch.nn.modules.linear.Identity"}"#,
      #"{"bias": false, "activation_function": "torch.nn.modules.activation.Tanh"}"#, "{}", "{",
    ] {
      try source.addProjections([(48, width)], config: config)
      #expect(throws: KingletError.self) { try HuggingFaceModel(folder: source.path) }
    }
  }

  @Test(
    "Stored otherwise, vectors and small tables stay whole, and the rest is rounded", arguments: WeightType.allCases)
  func types(type: WeightType) throws {
    let source = try GoldenFolder("bert", in: folder)
    let path = folder + "/\(type).gguf"
    try HuggingFaceModel(folder: source.path).write(to: path, type: type)
    let file = try GGUFFile(path: path)
    let expected: QuantType = [.f32: .f32, .f16: .f16, .bf16: .bf16, .q8_0: .q8_0][type] ?? .f32
    for tensor in file.tensors {
      let isWhole =
        tensor.dimensions.count == 1 || ["position_embd.weight", "token_types.weight"].contains(tensor.name)
      // 144 values are no whole number of blocks.
      let isRagged = type == .q8_0 && tensor.dimensions[0] % 32 != 0
      #expect(tensor.type == (isWhole ? .f32 : isRagged ? .f16 : expected), "\(tensor.name)")
      let original = try #require(source.golden.tensor(named: tensor.name))
      let (a, b) = (try values(of: tensor, in: file), try values(of: original, in: source.golden))
      let tolerance: Float = [.f32: 0, .f16: 1e-3, .bf16: 8e-3, .q8_0: 1.0 / 127][type] ?? 0
      let largest = b.reduce(0) { max($0, abs($1)) }
      #expect(zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * largest }, "\(tensor.name)")
    }
  }

  private func floats(_ bytes: [UInt8]) -> [Float] { bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }

  private func values(of tensor: GGUFTensor, in file: GGUFFile) throws -> [Float] {
    let dequantize = try #require(tensor.type.dequantizer)
    return file.withBytes(of: tensor) { bytes in
      [Float](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
        guard let input = bytes.baseAddress, let output = buffer.baseAddress else { return }
        dequantize(input, tensor.elementCount, output)
        count = tensor.elementCount
      }
    }
  }
}
