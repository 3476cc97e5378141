// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors in CI (`scripts/test` sets the variable), never for someone who builds Kinglet with a newer compiler.
let strict: [SwiftSetting] =
  Context.environment["KINGLET_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A room of the house: folder `Sources/<name>`, module `Kinglet<name>`. Imports point downwards only.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
  .target(
    name: "Kinglet" + name, dependencies: ["KingletErrors"] + dependencies, path: "Sources/" + name,
    resources: resources, swiftSettings: strict)
}

/// The tests of a room: folder `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: ["KingletErrors", "KingletTestSupport"] + dependencies,
    path: "Tests/\(name)Tests", resources: resources, swiftSettings: strict)
}

/// Rooms compiled for one instruction set. Only the kernel table leads into them, after CPUID has allowed it.
func instructionSetRoom(_ name: String, features: [String]) -> Target {
  .target(
    name: "Kinglet" + name, dependencies: ["KingletQuants", "KingletKernels", "CIntrinsics"], path: "Sources/" + name,
    swiftSettings: strict + [
      .unsafeFlags(["-disable-cmo"] + features.flatMap { ["-Xcc", "-m" + $0] })
    ])
}

#if arch(x86_64)
  let instructionSetRooms = [
    instructionSetRoom("KernelsAVX2", features: ["avx2", "fma", "f16c"]),
    instructionSetRoom(
      "KernelsAVX512",
      features: ["avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni"]),
  ]
#else
  let instructionSetRooms: [Target] = []
#endif
let instructionSetDependencies = instructionSetRooms.map { Target.Dependency(stringLiteral: $0.name) }

let package = Package(
  name: "kinglet",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Kinglet", targets: ["Kinglet"]),
    .library(name: "KingletEvaluation", targets: ["KingletEvaluation"]),
    // A product of its own, so that `import Kinglet` pulls in no SQLite.
    .library(name: "KingletRetrieval", targets: ["KingletRetrieval"]),
    // The rooms of arithmetic by themselves, for the package in Benchmarks.
    .library(name: "KingletTensors", targets: ["KingletTensors", "KingletGGUF", "KingletQuants"]),
    .executable(name: "kinglet", targets: ["kinglet-cli"]),
  ],
  traits: [
    .default(enabledTraits: ["OpenBLAS"]),
    .trait(name: "OpenBLAS", description: "Float matrix products through the system's OpenBLAS (Linux)."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
  ],
  targets: [
    .target(name: "KingletErrors", path: "Sources/Errors", swiftSettings: strict),
    .systemLibrary(name: "CBLAS", path: "Sources/CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CXML", path: "Sources/CXML", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(
      name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CIntrinsics", path: "Sources/CIntrinsics"),
    room("Files"),
    room("Quants"),
    room("GGUF", ["KingletFiles", "KingletQuants"]),
    room("Safetensors", ["KingletFiles", "KingletQuants"]),
    room("Kernels", ["KingletQuants", "CIntrinsics"]),
    room(
      "Tensors",
      ["KingletQuants", "KingletGGUF", "KingletKernels", "CIntrinsics"] + instructionSetDependencies + [
        .target(name: "CBLAS", condition: .when(platforms: [.linux], traits: ["OpenBLAS"]))
      ]),
    room("Tokenizers", ["KingletGGUF"]),
    room("Transformer", ["KingletGGUF", "KingletQuants", "KingletTensors"]),
    room("Templates", ["KingletFiles"]),
    room("Quantization", ["KingletFiles", "KingletGGUF", "KingletQuants", "KingletTensors", "KingletTransformer"]),
    room(
      "Conversion",
      ["KingletFiles", "KingletGGUF", "KingletQuants", "KingletSafetensors", "KingletTokenizers"]),
    // `catalog.json` links to `models/catalog.json`: the scripts and the binary, which carries it, share one source.
    room("Catalog", resources: [.embedInCode("catalog.json")]),
    room("Generation", ["KingletTransformer", "KingletTensors", "KingletTokenizers"]),
    room("Embedding", ["KingletTransformer"]),
    room(
      "Adapters", ["KingletFiles", "KingletGGUF", "KingletQuants", "KingletSafetensors", "KingletTransformer"]),
    room(
      "Merging",
      [
        "KingletAdapters", "KingletFiles", "KingletGGUF", "KingletQuantization", "KingletQuants", "KingletTensors",
        "KingletTransformer",
      ]),
    .target(
      name: "Kinglet",
      dependencies: [
        "KingletErrors", "KingletAdapters", "KingletCatalog", "KingletConversion", "KingletEmbedding", "KingletFiles",
        "KingletGGUF",
        "KingletGeneration", "KingletTemplates", "KingletTensors", "KingletTokenizers", "KingletTransformer",
      ],
      swiftSettings: strict),
    .target(
      name: "KingletEvaluation",
      dependencies: [
        "Kinglet", "KingletEmbedding", "KingletGGUF", "KingletGeneration", "KingletTensors", "KingletTransformer",
      ],
      swiftSettings: strict),
    room(
      "Documents",
      [
        .target(name: "CCrypto", condition: .when(platforms: [.linux])), "CXML", "KingletFiles",
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    .target(
      name: "KingletRetrieval",
      dependencies: [
        "Kinglet", "KingletDocuments", "KingletEmbedding", "KingletErrors", "KingletFiles", "KingletGeneration",
        "KingletQuants", "KingletTensors", .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "kinglet-cli",
      dependencies: [
        "Kinglet", "KingletAdapters", "KingletCatalog", "KingletConversion", "KingletEvaluation", "KingletGGUF",
        "KingletMerging", "KingletQuantization", "KingletRetrieval", "KingletSafetensors", "KingletTensors",
        "KingletTransformer", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/CLI", swiftSettings: strict),
    .target(
      name: "KingletTestSupport", dependencies: ["KingletQuants", "KingletTensors"], path: "Tests/Support",
      swiftSettings: strict),
    tests("Generation", ["KingletGeneration"]),
    tests("Quants", ["KingletQuants", "KingletGGUF"]),
    tests("GGUF", ["KingletGGUF", "KingletQuants"]),
    tests("Transformer", ["KingletTransformer", "KingletGGUF", "KingletTensors"]),
    tests("Catalog", ["KingletCatalog"]),
    tests("Tokenizers", ["KingletTokenizers", "KingletGGUF"]),
    tests("Kinglet", ["Kinglet", "KingletConversion", "KingletGGUF", "KingletTokenizers", "KingletTransformer"]),
    tests("Templates", ["KingletTemplates"]),
    tests("Kernels", ["KingletKernels", "KingletQuants", "KingletTensors"]),
    tests("Tensors", ["KingletTensors", "KingletKernels", "KingletQuants", "KingletGGUF", "CIntrinsics"]),
    tests(
      "KingletEvaluation", ["Kinglet", "KingletEvaluation", "KingletGGUF", "KingletTensors", "KingletTransformer"]),
    tests("Files", ["KingletFiles"]),
    tests("Safetensors", ["KingletSafetensors", "KingletQuants"]),
    tests(
      "Adapters", ["KingletAdapters", "KingletGGUF", "KingletSafetensors", "KingletTensors", "KingletTransformer"]),
    tests(
      "Merging",
      [
        "KingletMerging", "KingletAdapters", "KingletGGUF", "KingletQuantization", "KingletQuants", "KingletTensors",
        "KingletTransformer",
      ]),
    tests("Embedding", ["KingletEmbedding", "KingletTransformer", "KingletGGUF"]),
    tests(
      "Quantization",
      ["KingletQuantization", "KingletGGUF", "KingletQuants", "KingletTensors", "KingletTransformer"]),
    tests(
      "Conversion",
      ["KingletConversion", "KingletFiles", "KingletGGUF", "KingletQuants", "KingletSafetensors", "KingletTokenizers"]),
    tests("Documents", ["KingletDocuments", .product(name: "GRDB", package: "GRDB.swift")]),
    tests(
      "KingletRetrieval",
      [
        "Kinglet", "KingletRetrieval", "KingletDocuments", "KingletTensors",
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    // TESTS
  ] + instructionSetRooms,
  swiftLanguageModes: [.v6]
)
