import Foundation
import KingletErrors
import KingletGGUF
import KingletQuantization
import KingletQuants
import KingletTestSupport
import Testing

@Suite("Quantised files")
struct QuantizationTests {
  private func values(_ name: String, _ count: Int) -> [Float] {
    var random = SeededRandom(name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    return random.floats(count)
  }

  private func quantize(_ file: GGUFFile, _ options: Quantization.Options) throws -> GGUFFile {
    let path = temporaryPath()
    defer { unlink(path) }
    try Quantization(file, options).write(to: path)
    return try GGUFFile(bytes: bytes(at: path))
  }

  private func temporaryPath() -> String { NSTemporaryDirectory() + "kinglet-\(UUID().uuidString).gguf" }

  @Test("Rows are quantised each for itself, on any number of threads", arguments: [1, 2, 7])
  func rows(threads: Int) throws {
    let file = try ToyModel().file(values: values)
    let result = try quantize(file, .init(type: .q4_K_M, threads: threads))
    for tensor in result.tensors {
      let source = values(tensor.name, tensor.elementCount)
      var expected: [UInt8] = []
      for row in stride(from: 0, to: source.count, by: tensor.dimensions[0]) {
        expected += try quantized(Array(source[row..<row + tensor.dimensions[0]]), tensor.type)
      }
      #expect(result.withBytes(of: tensor) { Array($0) } == expected, "\(tensor.name)")
    }
    #expect(result.tensors.count == file.tensors.count)
  }

  @Test("A tensor of more than one slab is whole")
  func slabs() throws {
    let file = try ToyModel(layers: 1, feed_forward: 10240).file(values: values)
    let result = try quantize(file, .init(type: .f16))
    let tensor = try #require(result.tensor(named: "blk.0.ffn_up.weight"))
    #expect(tensor.byteCount > 4 << 20)
    let expected = try quantized(values(tensor.name, tensor.elementCount), .f16)
    #expect(result.withBytes(of: tensor) { Array($0) } == expected)
  }

  @Test("Metadata are kept, and say what the file is now")
  func metadata() throws {
    let file = try ToyModel().file(values: values)
    let result = try quantize(file, .init(type: .iq4_NL))
    #expect(try result.metadata.integer("general.file_type") == 25)
    #expect(try result.metadata.integer("general.quantization_version") == 2)
    #expect(try result.metadata.string("general.architecture") == "llama")
    #expect(result.metadata["tokenizer.ggml.tokens"] == file.metadata["tokenizer.ggml.tokens"])
    #expect(result.metadata.keys.count == file.metadata.keys.count + 1)
  }

  @Test("Quantised weights are quantised again only when that is allowed")
  func requantization() throws {
    let file = try ToyModel().file(type: .q8_0, values: values)
    #expect { try Quantization(file, .init(type: .q4_0)) } throws: {
      guard let error = $0 as? KingletError else { return false }
      return error.code == .invalidArgument && error.location == "output.weight" && error.remedy != nil
    }
    let again = try quantize(file, .init(type: .q4_0, allowsRequantization: true))
    #expect(again.tensor(named: "blk.0.attn_q.weight")?.type == .q4_0)
    // What has its type already is copied.
    let same = try quantize(file, .init(type: .q8_0))
    for tensor in file.tensors {
      let copy = try #require(same.tensor(named: tensor.name))
      #expect(same.withBytes(of: copy) { Array($0) } == file.withBytes(of: tensor) { Array($0) })
    }
  }

  @Test("Half precision counts as unquantised", arguments: [QuantType.f16, .bf16])
  func halves(type: QuantType) throws {
    let result = try quantize(try ToyModel().file(type: type, values: values), .init(type: .q6_K))
    #expect(result.tensor(named: "blk.1.ffn_up.weight")?.type == .q6_K)
  }

  @Test("Values that no type can hold are refused by tensor and row", arguments: [Float.nan, .infinity, 1e30])
  func notFinite(value: Float) throws {
    let file = try ToyModel().file { name, count in
      var values = values(name, count)
      if name == "blk.1.attn_k.weight" { values[256 * 3 + 5] = value }
      return values
    }
    let path = temporaryPath()
    let plan = try Quantization(file, .init(type: .q4_K_S))
    #expect { try plan.write(to: path) } throws: {
      guard let error = $0 as? KingletError else { return false }
      return error.location == "blk.1.attn_k.weight" && error.message.contains("row 3")
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("Cancelled, it leaves the old file alone")
  func cancellation() throws {
    let path = temporaryPath()
    defer { unlink(path) }
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
    let plan = try Quantization(try ToyModel().file(values: values), .init(type: .q4_0))
    #expect { try plan.write(to: path, isCancelled: { true }) } throws: { ($0 as? KingletError)?.code == .cancelled }
    #expect(try bytes(at: path) == [1, 2, 3])
    var last = 0.0
    try plan.write(to: path, progress: { last = $0 })
    #expect(last == 1)
  }

  @Test("Each expert is weighed by its own importance")
  func experts() throws {
    let model = ToyModel(layers: 1, hidden: 256, feed_forward: 32, experts: 2)
    let file = try model.file(values: values)
    let name = "blk.0.ffn_up_exps.weight"
    var random = SeededRandom(5)
    let sums = random.floats(512).map { $0 * $0 }
    let importance = ImportanceMatrix(entries: [name: .init(sums: sums, counts: [4, 2])])
    let result = try quantize(file, .init(type: .q4_0, importance: importance))
    let tensor = try #require(result.tensor(named: name))
    let source = values(name, tensor.elementCount)
    var expected: [UInt8] = []
    for row in 0..<64 {
      let weights = row < 32 ? sums[..<256].map { $0 / 4 } : sums[256...].map { $0 / 2 }
      expected += try quantized(Array(source[row * 256..<(row + 1) * 256]), .q4_0, importance: weights)
    }
    #expect(result.withBytes(of: tensor) { Array($0) } == expected)
    #expect(try result.metadata.integer("quantize.imatrix.entries_count") == 1)
  }
}
