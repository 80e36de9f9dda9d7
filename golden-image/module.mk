# ampoule-init is PID 1 of the guest: static, nothing but libc. message/ is the part of it that is pure.
$(call lib,message,golden-image/message)
$(call lib,init,golden-image/init)
$(call program,ampoule-init,golden-image/init,message)
$(call static,ampoule-init)
$(call unit,golden-image,init message)
$(call fuzz,launch,message)
# ampoule-image signs and checks what golden-image/build-image makes.
$(call program,ampoule-image,golden-image/tool,common,-ljansson -lcrypto)
