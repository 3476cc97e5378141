import Testing

@testable import KingletTensors

@Suite("The float matrix library") struct BLASTests {
  @Test("A library that does not know the processor is noticed")
  func outdated() {
    let avx2 = ["avx", "fma", "avx2"]
    #expect(BLAS.isOutdated("Prescott", features: avx2))
    #expect(BLAS.isOutdated("Nehalem", features: avx2 + ["avx512f"]))
    for target in ["Haswell", "Zen", "SkylakeX", "SKYLAKEX", "Cooperlake", "Sapphirerapids"] {
      #expect(!BLAS.isOutdated(target, features: avx2))
    }
    #expect(!BLAS.isOutdated("Prescott", features: ["avx"]))
  }
}
