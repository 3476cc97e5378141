import KingletKernels

// The door of the room: the only public name.

extension KernelTable {
  /// The kernels for AVX2 with FMA and F16C. Only to be used where `InstructionSet.best` is at least `.avx2`.
  public static let avx2 = KernelTable(
    instructionSet: .avx2,
    packedKernel: { MatrixKernel.avx2($0) ?? KernelTable.portable.packedKernel($0) },
    quantizeActivations: quantizeActivations256,
    multiplyFloats: multiplyFloats256,
    widen: widen256,
    rmsNorm: rmsNorm256,
    rotate: rotate256,
    gate: gate256,
    addScaled: addScaled256,
    indexOfMaximum: indexOfMaximum256,
    appendKeyValue: { isRounded($0.layout) ? KernelTable.portable.appendKeyValue($0) : appendKeyValue256($0) },
    attendPage: { isRounded($0.layout) ? KernelTable.portable.attendPage($0) : attendPage256($0) },
    mergePages: mergePages256,
    finishAttention: finishAttention256)
}

/// Pages of Q8_0 are left to the portable kernels.
private func isRounded(_ layout: KVPageLayout) -> Bool { if case .q8_0 = layout.type { true } else { false } }
