import Foundation
import KingletErrors
import KingletGGUF
import KingletQuants
import Synchronization
import Testing

@Suite("Writing GGUF files whose tensors are produced in turn")
struct GGUFStreamingTests {
  @Test("Pieces of any size come out in order")
  func pieces() throws {
    let values = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var writer = GGUFWriter()
    try writer.addTensor("a", dimensions: [1000], type: .i8) { (sink) throws(KingletError) in
      #expect(sink.remainingByteCount == 1000)
      try sink.write(Array(values[..<1]))
      try sink.write([])
      try sink.write(Array(values[1...]))
    }
    try writer.addTensor("b", dimensions: [2], type: .i8, bytes: [8, 9])
    let file = try GGUFFile(bytes: writer.encoded())
    let (a, b) = (try #require(file.tensor(named: "a")), try #require(file.tensor(named: "b")))
    #expect(file.withBytes(of: a) { Array($0) } == values)
    #expect(file.withBytes(of: b) { Array($0) } == [8, 9])
  }

  @Test("Floats are stored in the tensor's type")
  func floats() throws {
    var writer = GGUFWriter()
    for type in [QuantType.f32, .f16, .q8_0] {
      try writer.addTensor(type.name, dimensions: [32, 2], type: type) { (sink) throws(KingletError) in
        #expect(sink.type == type)
        for _ in 0..<2 { try sink.write(floats: [Float](repeating: 0.5, count: 32)) }
      }
    }
    let file = try GGUFFile(bytes: writer.encoded())
    let half = try #require(file.tensor(named: "F16"))
    #expect(file.withBytes(of: half) { Array($0.prefix(4)) } == [0, 0x38, 0, 0x38])
    let quantised = try #require(file.tensor(named: "Q8_0"))
    #expect(file.withBytes(of: quantised) { Array($0.suffix(32)) } == [UInt8](repeating: 127, count: 32))

    var impossible = GGUFWriter()
    try impossible.addTensor("i", dimensions: [1], type: .i32) { (sink) throws(KingletError) in
      try sink.write(floats: [1])
    }
    #expect(throws: KingletError.self) { try impossible.encoded() }
  }

  @Test("Progress rises to one")
  func progress() throws {
    let path = temporaryPath("progress")
    defer { remove(path) }
    var writer = GGUFWriter()
    let byteCount = 10 << 20
    try writer.addTensor("a", dimensions: [byteCount], type: .i8) { (sink) throws(KingletError) in
      try sink.write([UInt8](repeating: 1, count: byteCount))
    }
    let fractions = Mutex<[Double]>([])
    try writer.write(to: path, progress: { fraction in fractions.withLock { $0.append(fraction) } })
    let seen = fractions.withLock { $0 }
    #expect(seen == seen.sorted())
    #expect(seen.count == 3)
    #expect(seen.last == 1)
  }

  @Test("Cancelled or failed, it leaves the old file and nothing else")
  func givenUp() throws {
    let folder = temporaryPath("folder")
    defer { remove(folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/a.gguf"
    var old = GGUFWriter()
    old["k"] = .string("old")
    try old.write(to: path)

    var writer = GGUFWriter()
    try writer.addTensor("a", dimensions: [4], type: .i8, bytes: [1, 2, 3, 4])
    func attempt(isCancelled: @escaping () -> Bool = { false }) -> KingletError? {
      #expect(throws: KingletError.self) { try writer.write(to: path, isCancelled: isCancelled) }
    }
    #expect(attempt { true }?.code == .cancelled)

    try writer.addTensor("short", dimensions: [4], type: .i8) { (sink) throws(KingletError) in try sink.write([1]) }
    let short = attempt()
    #expect(short?.code == .invalidArgument)
    #expect(short?.location?.contains("short") == true)

    var tooLong = GGUFWriter()
    try tooLong.addTensor("long", dimensions: [1], type: .i8) { (sink) throws(KingletError) in try sink.write([1, 2]) }
    #expect(throws: KingletError.self) { try tooLong.encoded() }

    var failing = GGUFWriter()
    try failing.addTensor("f", dimensions: [1], type: .i8) { (_) throws(KingletError) in
      throw KingletError(.outOfMemory, "no")
    }
    #expect(throws: KingletError(.outOfMemory, "no")) { try failing.write(to: path) }

    #expect(try GGUFFile(path: path).metadata["k"] == .string("old"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.gguf"])
  }

  @Test("A device is not replaced by a file")
  func device() {
    let error = #expect(throws: KingletError.self) { try GGUFWriter().write(to: "/dev/null") }
    #expect(error?.code == .fileUnreadable)
  }
}
