// TestSupport: where the tests find reference data, and how they read it.

import Foundation

/// The reference data beside a checkout (`../shared`, or the folder that `KINGLET_SHARED` names).
///
/// It is too large, or not ours, to be committed. Suites that need it carry
/// `.enabled(if: Shared.isPresent, Shared.reason)` and are skipped, with that reason, where it is missing.
public enum Shared {
  public static let root: String = ProcessInfo.processInfo.environment["KINGLET_SHARED"] ?? checkout + "/../shared"
  public static var isPresent: Bool { FileManager.default.fileExists(atPath: root + "/golden/README.md") }
  public static let reason: String = "needs the reference data in ../shared"
  public static func path(_ relative: String) -> String { root + "/" + relative }
}

/// Files of the checkout itself.
public enum Checkout {
  public static func path(_ relative: String) -> String { checkout + "/" + relative }
}

/// Small files committed with the tests, under `Tests/Fixtures`.
public enum Fixtures {
  public static func path(_ relative: String) -> String { checkout + "/Tests/Fixtures/" + relative }
}

/// Published models, fetched by `scripts/fetch-model NAME` into `models/` (or the folder that `KINGLET_MODELS` names).
public enum RealModel: String, CaseIterable, Sendable {
  case smollm2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
  case gemma3 = "gemma-3-270m-q4_k_m.gguf"
  case qwen2 = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"

  public static let folder: String = ProcessInfo.processInfo.environment["KINGLET_MODELS"] ?? checkout + "/models"
  public var path: String { Self.folder + "/" + rawValue }
  public var isPresent: Bool { FileManager.default.fileExists(atPath: path) }
}

private let checkout: String = {
  // Tests/Support/ReferenceData.swift -> the checkout.
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<3 { url.deleteLastPathComponent() }
  return url.path
}()

/// All bytes of a file.
public func bytes(at path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Raw little-endian numbers without a header (`.f32`, `.f64`, `.i32` of the golden sets).
public func numbers<T: BitwiseCopyable>(_: T.Type = T.self, at path: String) throws -> [T] {
  let data = try Data(contentsOf: URL(fileURLWithPath: path))
  return data.withUnsafeBytes { raw in
    (0..<raw.count / MemoryLayout<T>.stride).map {
      raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
    }
  }
}

/// A JSON file decoded into `T`.
public func json<T: Decodable>(_: T.Type = T.self, at path: String) throws -> T {
  try JSONDecoder().decode(T.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
}
