import Foundation
import KingletErrors
import KingletGGUF
import KingletQuantization
import KingletQuants
import KingletTestSupport
import KingletTransformer
import Testing

@Suite("Importance matrices")
struct ImportanceMatrixTests {
  private let path = NSTemporaryDirectory() + "kinglet-\(UUID().uuidString).gguf"

  private let matrix = ImportanceMatrix(
    entries: [
      "blk.0.attn_q.weight": .init(sums: (0..<256).map { Float($0) }, counts: [8]),
      "blk.0.ffn_up_exps.weight": .init(sums: [Float](repeating: 2, count: 512), counts: [3, 0]),
    ],
    datasets: ["a.txt", "b.txt"], chunkCount: 4, chunkSize: 512)

  @Test("What is written is read")
  func roundTrip() throws {
    defer { unlink(path) }
    try matrix.write(to: path)
    var read = try ImportanceMatrix(path: path)
    #expect(read.path == path)
    read.path = nil
    #expect(read == matrix)
    let file = try GGUFFile(path: path)
    #expect(try file.metadata.string("general.type") == "imatrix")
    #expect(file.tensor(named: "blk.0.ffn_up_exps.weight.in_sum2")?.dimensions == [256, 2])
    #expect(file.tensor(named: "blk.0.ffn_up_exps.weight.counts")?.dimensions == [1, 2])
  }

  @Test("What is no importance matrix is refused")
  func refused() throws {
    defer { unlink(path) }
    func refuse(_ make: (inout GGUFWriter) throws -> Void) throws {
      var writer = GGUFWriter()
      writer["general.type"] = .string("imatrix")
      writer["imatrix.datasets"] = .array(GGUFArray(["a"]))
      writer["imatrix.chunk_count"] = .uint32(1)
      writer["imatrix.chunk_size"] = .uint32(2)
      try make(&writer)
      try writer.write(to: path)
      #expect { try ImportanceMatrix(path: path) } throws: { ($0 as? KingletError)?.code == .fileCorrupt }
    }
    try refuse { _ in }
    try refuse { try $0.addTensor("x.in_sum2", dimensions: [2, 1], floats: [1, 2]) }
    try refuse {
      try $0.addTensor("x.in_sum2", dimensions: [3, 1], floats: [1, 2, 3])
      try $0.addTensor("x.counts", dimensions: [1, 2], floats: [1, 2])
    }
    for odd in [Float.nan, .infinity, -1] {
      try refuse {
        try $0.addTensor("x.in_sum2", dimensions: [2, 1], floats: [1, odd])
        try $0.addTensor("x.counts", dimensions: [1, 1], floats: [1])
      }
    }
    try refuse {
      try $0.addTensor("x.in_sum2", dimensions: [2, 1], type: .f16, bytes: [0, 0, 0, 0])
      try $0.addTensor("x.counts", dimensions: [1, 1], floats: [1])
    }
    try refuse {
      $0["imatrix.chunk_count"] = nil
      try $0.addTensor("x.in_sum2", dimensions: [2, 1], floats: [1, 2])
      try $0.addTensor("x.counts", dimensions: [1, 1], floats: [1])
    }
  }

  private static let legacy: [UInt8] = {
    func number(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    func float(_ value: Float) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }
    func text(_ value: String) -> [UInt8] { number(Int32(value.utf8.count)) + value.utf8 }
    let first = text("blk.0.attn_q.weight") + number(4) + number(2) + float(8) + float(0.5)
    let second = text("blk.0.attn_v.weight") + number(4) + number(1) + float(3)
    return number(2) + first + second + number(4) + text("a.txt")
  }()

  @Test("The older format is read")
  func legacy() throws {
    defer { unlink(path) }
    try Data(Self.legacy).write(to: URL(fileURLWithPath: path))
    let read = try ImportanceMatrix(path: path)
    #expect(read.entries["blk.0.attn_q.weight"] == .init(sums: [8, 0.5], counts: [4]))
    #expect(read.entries["blk.0.attn_v.weight"] == .init(sums: [3], counts: [4]))
    #expect(read.chunkCount == 4 && read.datasets == ["a.txt"])
  }

  @Test("Cut anywhere, or with a byte changed, it is refused or read, and nothing worse")
  func brokenLegacy() throws {
    defer { unlink(path) }
    for length in 1..<Self.legacy.count {
      try Data(Self.legacy[..<length]).write(to: URL(fileURLWithPath: path))
      // Without what was added later the file is whole.
      if length == Self.legacy.count - 13 || length == Self.legacy.count - 9 { continue }
      #expect(throws: KingletError.self, "\(length) bytes") { try ImportanceMatrix(path: path) }
    }
    for index in Self.legacy.indices {
      for value in [0, 0x7f, 0x80, 0xff] as [UInt8] {
        var bytes = Self.legacy
        bytes[index] = value
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        _ = try? ImportanceMatrix(path: path)
      }
    }
  }

  @Test("Measured, it is the mean square of what the matrices are multiplied by")
  func measuring() throws {
    let decoder = try Decoder.load(GGUFFile(path: Fixtures.path("arch/llama/model.gguf")))
    let tokens = (0..<70).map { Int32($0 * 41 % 500 + 4) }
    var seen: [Int] = []
    let matrix = try ImportanceMatrix.measure(
      decoder, tokens: tokens, dataset: "numbers", context: 32, progress: { done, _ in seen.append(done) })
    #expect(seen == [1, 2])
    #expect(matrix.chunkCount == 2 && matrix.chunkSize == 32 && matrix.datasets == ["numbers"])
    #expect(matrix.entries.count == 3 * 7)
    let query = try #require(matrix.entries["blk.0.attn_q.weight"])
    #expect(query == matrix.entries["blk.0.attn_k.weight"] && query == matrix.entries["blk.0.attn_v.weight"])
    #expect(matrix.entries["blk.1.ffn_gate.weight"] == matrix.entries["blk.1.ffn_up.weight"])
    #expect(matrix.entries.values.allSatisfy { $0.counts == [64] && $0.sums.allSatisfy { $0 > 0 && $0.isFinite } })
    #expect(matrix.entries["blk.2.ffn_down.weight"]?.sums.count == 144)
    // The input of the first layer is the normalised embedding, whose mean square is that of the norm's weights.
    let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let embedding = try row(file, "token_embd.weight"), norm = try row(file, "blk.0.attn_norm.weight")
    var expected = [Double](repeating: 0, count: 64)
    for id in tokens[..<64] {
      let x = embedding[Int(id) * 64..<Int(id) * 64 + 64].map(Double.init)
      let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / 64 + 1e-5).squareRoot()
      for (i, value) in x.enumerated() {
        let input = value * scale * Double(norm[i])
        expected[i] += input * input
      }
    }
    for (sum, expected) in zip(query.sums, expected) { #expect(abs(Double(sum) - expected) < 1e-4 * expected) }
    #expect(throws: KingletError.self) {
      try ImportanceMatrix.measure(decoder, tokens: tokens, dataset: "", context: 71)
    }
  }

  private func row(_ file: GGUFFile, _ name: String) throws -> [Float] {
    let tensor = try #require(file.tensor(named: name))
    return file.withBytes(of: tensor) { bytes in
      (0..<tensor.elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  @Test("A matrix of another model is refused by tensor, but for the embedding")
  func misfit() throws {
    let file = try ToyModel().file { Array(repeating: 1, count: $1) }
    func plan(_ name: String) throws -> Quantization {
      let importance = ImportanceMatrix(entries: [name: .init(sums: [1, 2], counts: [1])])
      return try Quantization(file, .init(type: .q4_K_M, importance: importance))
    }
    #expect { try plan("blk.1.ffn_down.weight") } throws: {
      ($0 as? KingletError)?.location == "blk.1.ffn_down.weight"
    }
    #expect(try plan("token_embd.weight").tensors.count == file.tensors.count)
    #expect(try plan("blk.9.ffn_down.weight").tensors.count == file.tensors.count)
  }
}
