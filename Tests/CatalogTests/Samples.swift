import Foundation
import KingletCatalog

/// A catalogue of made-up models whose files have three bytes.
enum Samples {
  static func catalog() throws -> Catalog { try Catalog(json: Array(json().utf8)) }

  static func json(
    default: String = "sparrow", file: String = "sparrow.gguf", size: String = "3", partSize: String = "3",
    sha256: String = String(repeating: "0", count: 64), repeated: Bool = false, partFile: String? = nil
  ) -> String {
    let partName = partFile.map { ", \"file\": \"\($0)\"" } ?? ""
    func entry(_ name: String, _ file: String) -> String {
      """
      { "name": "\(name)", "description": "A bird", "architecture": "llama", "parameters": 1, "context": 2,
        "chatTemplate": true, "licence": "Apache-2.0", "file": "\(file)", "size": \(size), "sha256": "\(sha256)",
        "parts": [{ "package": "bird", "version": "1", "member": "bird/egg", "size": \(partSize)\(partName) }] }
      """
    }
    let second = repeated ? entry("sparrow", "other.gguf") : entry("goldfinch", "goldfinch.gguf")
    return "{ \"default\": \"\(`default`)\", \"models\": [\(entry("sparrow", file)), \(second)] }"
  }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "kinglet-catalog-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `bytes` bytes to `name`, making folders on the way, and returns the path.
  @discardableResult func write(_ name: String, bytes: Int) throws -> String {
    let file = path + "/" + name
    let folder = (file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(repeating: 0x6B, count: bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
