import Foundation
import KingletRetrieval

/// scan FOLDER: puts the vectors of FOLDER/v.f32 into a store beside them, if there is none yet, and looks for the ten
/// nearest to each of FOLDER/q.f32 (384 floats each, little-endian). Prints one JSON object: what was found, and how long
/// each search took.
@main
struct Scan {
  static let dimensions = 384
  static let chunksPerDocument = 1000

  struct Report: Encodable {
    var found: [[Int]] = []
    var milliseconds: [Double] = []
    var buildSeconds = 0.0
    var imageSeconds = 0.0
    var storeBytes = 0
    var imageBytes = 0
    /// Of the process, at its end: private memory, and what is mapped from files.
    var anonymousBytes = 0
    var mappedBytes = 0
  }

  static func main() throws {
    let folder = CommandLine.arguments.dropFirst().first ?? "."
    let path = folder + "/store.sqlite"
    var report = Report()
    let clock = ContinuousClock()
    if !FileManager.default.fileExists(atPath: path) {
      report.buildSeconds = seconds(try clock.measure { try build(path, from: folder + "/v.f32") })
    }
    let store = try SQLiteStore(path: path, create: false)
    let queries = floats(try Data(contentsOf: URL(fileURLWithPath: folder + "/q.f32")))
    // The first search makes or maps the image.
    report.imageSeconds = seconds(
      try clock.measure { _ = try store.nearest(Array(queries.prefix(dimensions)), count: 10, where: .init()) })
    for start in stride(from: 0, to: queries.count, by: dimensions) {
      let query = Array(queries[start..<start + dimensions])
      var run = DenseRun()
      let time = try clock.measure { run = try store.nearest(query, count: 10, where: .init()) }
      report.milliseconds.append(seconds(time) * 1000)
      report.found.append(run.hits.map { Int($0.id) - 1 })
    }
    report.storeBytes = FileState(path: path)?.size ?? 0
    report.imageBytes = FileState(path: path + ".kscan")?.size ?? 0
    for line in (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8))?.split(separator: "\n") ?? [] {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count > 1, let kilobytes = Int(words[1]) else { continue }
      if words[0] == "RssAnon:" { report.anonymousBytes = kilobytes << 10 }
      if words[0] == "RssFile:" { report.mappedBytes = kilobytes << 10 }
    }
    print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
  }

  static func build(_ path: String, from file: String) throws {
    let store = try SQLiteStore(path: path, create: true)
    try store.setSettings(
      StoreSettings(model: "made up", modelName: "none", dimensions: dimensions, chunkSize: 200, overlap: 0))
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
    var document = 0
    while let data = try handle.read(upToCount: chunksPerDocument * dimensions * 4), !data.isEmpty {
      let values = floats(data)
      let chunks = (0..<values.count / dimensions).map { index in
        NewChunk(
          Chunk(range: 0..<1, text: "-", lines: 1...1, heading: [], place: Place(), tokenCount: 1),
          hash: ContentHash(of: ["\(document)", "\(index)"]).bytes,
          vector: Array(values[index * dimensions..<(index + 1) * dimensions]))
      }
      try store.replace(
        NewDocument(
          path: "/made-up/\(document)", content: LoadedDocument(format: .text, text: "-"),
          hash: ContentHash(of: ["\(document)"]).bytes, size: 1, modified: 0, chunks: chunks))
      document += 1
    }
  }

  static func floats(_ data: Data) -> [Float] {
    data.withUnsafeBytes { raw in
      (0..<raw.count / 4).map {
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
      }
    }
  }

  static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}
