extension KernelTable {
  /// The reference: plain Swift for any processor.
  public static let portable = KernelTable(
    instructionSet: .portable,
    packedKernel: { PortableMatrix.kernel(for: $0) ?? PortableFloatMatrix.kernel(for: $0) },
    floatKernel: PortableFloatMatrix.singles,
    quantizeActivations: PortableActivations.quantize,
    interleave: ActivationForm.interleave,
    rmsNorm: PortableVectors.rmsNorm,
    layerNorm: PortableVectors.layerNorm,
    rotate: PortableVectors.rotate,
    gate: PortableVectors.gate,
    endProducts: PortableVectors.endProducts,
    projectLowRank: PortableLowRank.project,
    addLowRank: PortableLowRank.add,
    addScaled: PortableVectors.addScaled,
    indexOfMaximum: PortableVectors.indexOfMaximum,
    appendKeyValue: PortableKVPages.append,
    attendPage: PortableAttention.attend,
    mergePages: PortableAttention.merge,
    finishAttention: PortableAttention.finish)
}
